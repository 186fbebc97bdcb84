"""Latents that change slowly, as far as the data say."""

import torch
from torch import Tensor, nn

from alveus.models.batch import Batch
from alveus.models.posteriors import SCALE_FLOOR, DiagonalPosterior, MarkovPosterior, Posterior
from alveus.models.priors.prior import Prior
from alveus.models.smoothing import smooth

REACH = 3.0
"""Time constants around a bin that smoothing takes along; what is further away has been forgotten."""

SHORTEST_REACH, LONGEST_REACH = 8, 48
"""Bounds of that, in bins: a stretch of training should not be mostly what is around it."""

SHORTEST, LONGEST = 0.1, 1e5
"""Bounds of a learned time constant, in bins: below the first a latent is white; above the second it stands still
within any block of training bins."""


class AutoregressivePrior(Prior):
    """z_t = ρ z_{t−1} + √(1−ρ²) ε within a segment, one ρ = exp(−bin/τ) a latent, of unit variance.

    The KL divergence has a closed form, ``Σ_t E_q KL(q(z_t | z_{t−1}) ‖ p(z_t | z_{t−1}))``, and the part of a bin
    depends on the bin before it alone. A posterior that is independent over time costs up to ½ ln 2 nats a latent
    and bin where latents are slow, whatever it says; one smoothed by the prior costs nothing it does not say.

    Parameters
    ----------
    n_latents
        Number of latents.
    n_conditions
        Not used.
    bin_size
        Width of a bin [s].
    time_constant
        τ of every latent at the start [s].
    learned
        Whether τ is learned.
    """

    independent = False
    before = 1

    def __init__(
        self,
        n_latents: int,
        n_conditions: int = 0,  # noqa: ARG002
        bin_size: float = 1.0,
        *,
        time_constant: float,
        learned: bool,
    ) -> None:
        super().__init__()
        self.bin_size = bin_size
        self.smoothing = False
        self.reach = min(max(round(REACH * time_constant / bin_size), SHORTEST_REACH), LONGEST_REACH)
        bins = torch.full((n_latents,), time_constant / bin_size).clamp(SHORTEST, LONGEST)
        self.log_bins = nn.Parameter(bins.log(), requires_grad=learned)

    def smooth(self) -> None:
        """From now on take the encoder's posterior of a bin as evidence, and join the bins around (`infer`)."""
        self.smoothing, self.before, self.after = True, self.reach, self.reach

    def infer(self, evidence: Posterior, present: Tensor | None) -> Posterior:
        """Return the prior times the evidence of every bin, exactly: the evidence smoothed over time.

        As the posterior of an autoencoder: Johnson et al. (2016), NeurIPS.
        """
        if not self.smoothing:
            return evidence
        assert present is not None  # noqa: S101  (for the type checker)
        assert isinstance(evidence, DiagonalPosterior)  # noqa: S101
        precision = present.unsqueeze(-1) / evidence.scale.square()
        found = smooth(evidence.loc.transpose(-1, -2), precision.transpose(-1, -2), self.rho.unsqueeze(-1))
        mean, variance, lagged = (moment.transpose(-1, -2) for moment in found)
        return MarkovPosterior(mean, variance.clamp_min(SCALE_FLOOR**2).sqrt(), lagged)

    @property
    def time_constant(self) -> Tensor:
        """τ of each latent [s]."""
        return self.log_bins.clamp(*_LOG_BOUNDS).exp() * self.bin_size

    @property
    def rho(self) -> Tensor:
        """Correlation of neighbouring bins, (latent,)."""
        return torch.exp(-1 / self.log_bins.clamp(*_LOG_BOUNDS).exp())

    def kl(self, posterior: Posterior, batch: Batch) -> Tensor:
        """Return the part of each target in the divergence of its stretch, (stretch, target, latent) [nats]."""
        assert batch.present is not None  # noqa: S101  (for the type checker)
        first, last = batch.first, batch.last
        here, variance, spread = posterior.loc, posterior.variance, posterior.log_spread
        before = torch.roll(here, 1, -2), torch.roll(variance, 1, -2)
        follows = torch.roll(batch.present, 1, -1)
        follows[..., 0] = False
        rho = self.rho * follows.unsqueeze(-1)  # the first bin of a segment has no past
        step = -torch.expm1(-2 * follows.unsqueeze(-1) / self.log_bins.clamp(*_LOG_BOUNDS).exp())  # 1 − ρ²
        step = torch.where(follows.unsqueeze(-1), step, 1.0)
        expected = (here - rho * before[0]).square() + variance + rho.square() * before[1]
        if isinstance(posterior, MarkovPosterior):
            lagged = posterior.lagged * follows.unsqueeze(-1)
            expected = expected - 2 * rho * lagged
            left = (variance - lagged.square() / before[1]).clamp_min(SCALE_FLOOR**2)  # given the bin before
            spread = 0.5 * left.log()
        kl = 0.5 * (expected / step - 1.0 + step.log()) - spread
        return kl[..., first:last, :].clamp_min(0.0)

    def place(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Turn noise (..., bin, latent) into a stationary series along the bins."""
        rho = self.rho
        step = (1 - rho.square()).sqrt()
        series = [noise[..., 0, :]]
        for t in range(1, noise.shape[-2]):
            series.append(rho * series[-1] + step * noise[..., t, :])
        return torch.stack(series, dim=-2)

    def go_on(self, latents: Tensor, n_bins: int, noise: Tensor) -> Tensor:
        """Turn noise (..., latent) into the latents that follow `n_bins` after others (..., latent)."""
        rho = self.rho**n_bins
        return rho * latents + (1 - rho.square()).sqrt() * noise

    @property
    def variance(self) -> Tensor:
        """1 for every latent."""
        return torch.ones_like(self.log_bins)


_LOG_BOUNDS = (float(torch.tensor(SHORTEST).log()), float(torch.tensor(LONGEST).log()))
