"""Independent normal latents of different variances."""

from collections.abc import Sequence

import torch
from torch import Tensor

from alveus.errors import SettingError
from alveus.models.batch import Batch
from alveus.models.likelihoods.rates import spread_of
from alveus.models.priors.prior import Blocks, NormalPrior

SMALLEST_VARIANCE = 1e-3
"""Of a latent whose principal component explains nothing: small, and not 0, which no posterior could reach."""

SMALLEST_MEAN = 1e-3
"""Counts per bin below which a unit's log rate cannot be told from its moments: such units are left out."""


class AnisotropicPrior(NormalPrior):
    """N(0, diag λ) in every bin.

    Distinct variances alone identify nothing: z → Λ^½ R Λ^-½ z leaves this prior unchanged for any rotation R, and
    a decoder of free scale absorbs λ. They bite where the decoder is linear with orthonormal columns.

    Parameters
    ----------
    n_latents
        Number of latents.
    n_conditions, bin_size
        Not used.
    variances
        One a latent; or ``geometric``; or ``pca``: taken from the training bins by `start_from`.
    ratio
        Of neighbours in the geometric ladder.
    """

    zero: Tensor
    variances: Tensor

    def __init__(
        self,
        n_latents: int,
        n_conditions: int = 0,  # noqa: ARG002
        bin_size: float = 1.0,  # noqa: ARG002
        *,
        variances: str | Sequence[float],
        ratio: float,
    ) -> None:
        super().__init__()
        self.from_pca = variances == "pca"
        ladder = [ratio**j for j in range(n_latents)]
        given = ladder if isinstance(variances, str) else list(variances)
        if len(given) != n_latents:
            raise SettingError(f"prior: {len(given)} variances for {n_latents} latents: give one a latent")
        self.register_buffer("zero", torch.zeros(n_latents), persistent=False)
        self.register_buffer("variances", torch.tensor(given, dtype=torch.float32))

    def moments(self, batch: Batch) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Return 0 and λ."""
        return self.zero, self.variances

    def place(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Return √λ · noise."""
        return self.variances.sqrt() * noise

    @property
    def variance(self) -> Tensor:
        """λ of every latent."""
        return self.variances

    @torch.no_grad()
    def start_from(self, blocks: Blocks, conditions: Blocks, *, of_counts: bool) -> None:  # noqa: ARG002
        """Take λ from the spectrum of the covariance over units, where the setting says so."""
        if self.from_pca:
            found = torch.linalg.eigvalsh(covariance(blocks, of_counts=of_counts)).flip(0)
            spectrum = torch.zeros(self.variances.numel(), dtype=found.dtype)
            n = min(spectrum.numel(), found.numel())
            spectrum[:n] = found[:n]
            self.variances.copy_(spectrum.clamp_min(SMALLEST_VARIANCE))


def covariance(blocks: Blocks, *, of_counts: bool) -> Tensor:
    """Return the correlation of activity over units, (unit, unit) float64; of counts, the covariance of log rates.

    The covariance of log rates follows from the moments of counts under a Poisson distribution with log-normal
    rates: ``ln(1 + (cov(x) − diag m) / (m mᵀ))`` (Krumin & Shoham, 2009, Neural Computation 21:1642).
    """
    n_bins, total, products = 0, torch.zeros(()), torch.zeros(())
    for block in blocks():
        n_bins += block.shape[0]
        total = total + block.sum(0, dtype=torch.float64)
        products = products + block.double().T @ block.double()
    mean = total / n_bins
    found = products / n_bins - torch.outer(mean, mean)
    if not of_counts:  # in units of each unit's spread, as its likelihood has them
        spread = spread_of(mean, found.diagonal().clamp_min(0.0))
        return found / torch.outer(spread, spread)
    active = mean > SMALLEST_MEAN
    mean, found = mean[active], found[active][:, active]
    ratio = (found - torch.diag(mean)) / torch.outer(mean, mean)
    return torch.log1p(ratio.clamp_min(-0.5))  # −0.5: moments of few spikes can leave what no rates could
