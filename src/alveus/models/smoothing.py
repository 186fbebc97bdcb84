"""What every bin says of a slow latent to what all bins say together: a Kalman smoother, in parallel over time."""

from typing import NamedTuple

import torch
from torch import Tensor


class Smoothed(NamedTuple):
    """Moments of latents given all bins of their stretch, each (..., bin).

    Parameters
    ----------
    mean, variance
        Of each bin.
    lagged
        Covariance with the bin before; meaningless for the first.
    """

    mean: Tensor
    variance: Tensor
    lagged: Tensor


class _Filter(NamedTuple):
    """A stretch of bins, given the latent before it: z ~ N(a z₀ + b, c), with evidence exp(η z₀ − ½ j z₀²)."""

    a: Tensor
    b: Tensor
    c: Tensor
    eta: Tensor
    j: Tensor

    def then(self, later: "_Filter") -> "_Filter":
        """Join with the stretch that follows."""
        share = 1 / (1 + self.c * later.j)
        gain, back = later.a * share, self.a * share
        return _Filter(
            gain * self.a,
            gain * (self.b + self.c * later.eta) + later.b,
            gain * later.a * self.c + later.c,
            back * (later.eta - later.j * self.b) + self.eta,
            back * self.a * later.j + self.j,
        )


class _Smoother(NamedTuple):
    """A stretch of bins as a map from the latent after it: z ~ N(e z₁ + g, l)."""

    e: Tensor
    g: Tensor
    l: Tensor  # noqa: E741  (the paper's letter)

    def then(self, later: "_Smoother") -> "_Smoother":
        """Join with the stretch that follows."""
        return _Smoother(self.e * later.e, self.e * later.g + self.g, self.e.square() * later.l + self.l)


def smooth(evidence: Tensor, precision: Tensor, rho: Tensor) -> Smoothed:
    """Smooth first-order autoregressive latents of unit variance.

    The work grows with n log n and its depth with log n: the joins of stretches are associative, so prefixes of
    all lengths are made by doubling (Särkkä & García-Fernández, 2021, IEEE Trans. Automatic Control 66:299).

    Parameters
    ----------
    evidence
        (..., bin) what each bin says, the mean of a normal distribution.
    precision
        (..., bin) one over its variance; 0 for a bin that says nothing.
    rho
        Correlation of neighbouring bins, broadcasts with (..., bin).
    """
    rho = rho.expand(evidence.shape)
    # the first bin has the whole variance of the prior, and nothing before it
    first = torch.zeros_like(rho)
    first[..., 0] = 1.0
    rho_in = rho * (1 - first)
    step = 1 - rho_in.square()
    told = 1 / (step * precision + 1)
    filtered = _Filter(
        rho_in * told,
        step * precision * told * evidence,
        step * told,
        rho_in * precision * told * evidence,
        rho_in.square() * precision * told,
    )
    filtered = _prefixes(filtered)
    ahead = rho.square() * filtered.c + 1 - rho.square()  # variance of the next bin, foreseen
    last = torch.zeros_like(rho)
    last[..., -1] = 1.0
    e = (1 - last) * filtered.c * rho / ahead
    left = torch.where(last > 0, filtered.c, filtered.c * (1 - rho.square()) / ahead)
    smoothed = _suffixes(_Smoother(e, filtered.b * (1 - e * rho), left))
    lagged = e.roll(1, -1) * smoothed.l
    return Smoothed(smoothed.g, smoothed.l, lagged)


def _prefixes(parts: _Filter) -> _Filter:
    """Join each bin with all before it."""
    reach, n = 1, parts.a.shape[-1]
    while reach < n:
        before = _Filter(*(part[..., :-reach] for part in parts))
        joined = before.then(_Filter(*(part[..., reach:] for part in parts)))
        parts = _Filter(
            *(torch.cat([part[..., :reach], new], -1) for part, new in zip(parts, joined, strict=True))
        )
        reach *= 2
    return parts


def _suffixes(parts: _Smoother) -> _Smoother:
    """Join each bin with all after it."""
    reach, n = 1, parts.e.shape[-1]
    while reach < n:
        joined = _Smoother(*(part[..., :-reach] for part in parts)).then(
            _Smoother(*(part[..., reach:] for part in parts))
        )
        parts = _Smoother(
            *(torch.cat([new, part[..., -reach:]], -1) for part, new in zip(parts, joined, strict=True))
        )
        reach *= 2
    return parts
