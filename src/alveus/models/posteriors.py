"""Turns an encoder's hidden layer into a posterior that can be sampled with given noise, and measured."""

import math
from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal
from torch.nn.functional import softplus

SCALE_FLOOR = 1e-4
"""Smallest standard deviation of a posterior, in units of the prior's; its logarithm enters the KL."""

SCALE_START = 0.5
"""Standard deviation a fresh encoder gives to every latent: wide enough to be a posterior, narrow enough that the
decoder hears the mean."""


EVIDENCE_START = 2.0
"""The same for an encoder whose bins are taken together: one bin says little, many say enough."""


class Posterior(ABC):
    """q(z|x) of the latents of each bin: a normal distribution with mean (..., latent)."""

    loc: Tensor

    @property
    @abstractmethod
    def variance(self) -> Tensor:
        """Of each latent, whatever the others are, (..., latent)."""

    @property
    @abstractmethod
    def log_spread(self) -> Tensor:
        """Log standard deviation of each latent given those before it, (..., latent)."""

    @abstractmethod
    def place(self, noise: Tensor) -> Tensor:
        """Turn standard normal noise (..., latent) into samples.

        The noise is an argument so that a training run owns the generator it comes from and can be resumed.
        Gradients reach mean and spread (reparameterization; Kingma & Welling, 2014).
        """

    @abstractmethod
    def log_density(self, latents: Tensor) -> Tensor:
        """Return log q(z|x) of latents (..., latent), (...,) [nats]."""

    @abstractmethod
    def select(self, first: int, last: int | None) -> Self:
        """Return the posterior of some bins along the last axis but one."""


class DiagonalPosterior(Normal, Posterior):
    """Independent normal latents of each bin, q(z|x) = N(mean, diag scale²).

    Parameters
    ----------
    mean, scale
        (..., latent).
    """

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__(mean, scale, validate_args=False)

    @property
    def log_spread(self) -> Tensor:
        """Log scale, (..., latent)."""
        return self.scale.log()

    def place(self, noise: Tensor) -> Tensor:
        """Return mean + scale * noise."""
        return self.loc + self.scale * noise

    def log_density(self, latents: Tensor) -> Tensor:
        """Return log q(z|x), (...,) [nats]."""
        return self.log_prob(latents).sum(-1)

    def select(self, first: int, last: int | None) -> "DiagonalPosterior":
        """Return the posterior of some bins."""
        return DiagonalPosterior(self.loc[..., first:last, :], self.scale[..., first:last, :])


class MarkovPosterior(DiagonalPosterior):
    """Independent latents, each of which depends on itself one bin before.

    Parameters
    ----------
    mean, scale
        (..., bin, latent) of each bin alone.
    lagged
        (..., bin, latent) covariance of a latent with itself one bin before; meaningless for the first bin.
    """

    def __init__(self, mean: Tensor, scale: Tensor, lagged: Tensor) -> None:
        super().__init__(mean, scale)
        self.lagged = lagged


class FullPosterior(MultivariateNormal, Posterior):
    """Normal latents of each bin with their covariance, q(z|x) = N(mean, L Lᵀ).

    Parameters
    ----------
    mean
        (..., latent).
    root
        (..., latent, latent) lower triangular L with a positive diagonal.
    """

    def __init__(self, mean: Tensor, root: Tensor) -> None:
        super().__init__(mean, scale_tril=root, validate_args=False)

    @property
    def log_spread(self) -> Tensor:
        """Log of the diagonal of L, (..., latent)."""
        return self.scale_tril.diagonal(dim1=-2, dim2=-1).log()

    def place(self, noise: Tensor) -> Tensor:
        """Return mean + L noise."""
        return self.loc + (self.scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_density(self, latents: Tensor) -> Tensor:
        """Return log q(z|x), (...,) [nats]."""
        return self.log_prob(latents)

    def select(self, first: int, last: int | None) -> "FullPosterior":
        """Return the posterior of some bins."""
        return FullPosterior(self.loc[..., first:last, :], self.scale_tril[..., first:last, :, :])


class DiagonalHead(nn.Module):
    """From a hidden layer (..., hidden) to a `DiagonalPosterior`."""

    scale_start = SCALE_START

    def __init__(self, n_hidden: int, n_latents: int) -> None:
        super().__init__()
        self.n_latents = n_latents
        self.readout = nn.Linear(n_hidden, 2 * n_latents)
        self.readout.bias.data[n_latents:].fill_(_raw(self.scale_start))

    def forward(self, hidden: Tensor) -> DiagonalPosterior:
        """Return the posterior."""
        mean, raw = self.readout(hidden).chunk(2, dim=-1)
        return DiagonalPosterior(mean, softplus(raw) + SCALE_FLOOR)


class EvidenceHead(DiagonalHead):
    """From a hidden layer to what each bin alone says of its latents: a factor that a prior over time is given."""

    scale_start = EVIDENCE_START


class FullHead(nn.Module):
    """From a hidden layer (..., hidden) to a `FullPosterior`: mean, and the root of its covariance."""

    rows: Tensor
    columns: Tensor

    def __init__(self, n_hidden: int, n_latents: int) -> None:
        super().__init__()
        self.n_latents = n_latents
        n_below = n_latents * (n_latents - 1) // 2
        self.readout = nn.Linear(n_hidden, 2 * n_latents + n_below)
        self.readout.bias.data[n_latents : 2 * n_latents].fill_(_raw(SCALE_START))
        self.readout.bias.data[2 * n_latents :].zero_()
        rows, columns = torch.tril_indices(n_latents, n_latents, -1)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)

    def forward(self, hidden: Tensor) -> FullPosterior:
        """Return the posterior."""
        n = self.n_latents
        mean, raw, below = self.readout(hidden).split([n, n, self.rows.numel()], dim=-1)
        root = torch.diag_embed(softplus(raw) + SCALE_FLOOR)
        root[..., self.rows, self.columns] = below
        return FullPosterior(mean, root)


POSTERIORS: dict[str, type[DiagonalHead] | type[FullHead]] = {
    "diagonal": DiagonalHead,
    "full": FullHead,
    "smoothed": EvidenceHead,
}


def _raw(scale: float) -> float:
    """Return what softplus turns into a scale."""
    return math.log(math.expm1(scale))
