"""Normal latents whose mean and variance depend on what else is known of a bin."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from alveus.models.batch import Batch
from alveus.models.layers import HiddenLayers
from alveus.models.posteriors import DiagonalPosterior, Posterior
from alveus.models.priors.prior import Blocks, NormalPrior

SMALLEST_SCALE = 1e-2
"""Standard deviation below which the latents of a condition would be a point, and the covariate all they are."""

_RAW_ONE = 0.5413248546129181  # softplus turns it into 1


class ConditionalPrior(NormalPrior):
    """N(m(u), diag s²(u)) given covariates u (iVAE: Khemakhem et al., 2020; pi-VAE: Zhou & Wei, 2020).

    The encoder never sees u: q(z|x) is trained straight against p(z|u), so that latents can be inferred from
    the activity alone. With ``posterior: product`` training uses q(z|x)·p(z|u), renormalised, as pi-VAE does;
    the activity alone is then left with less to say.

    Parameters
    ----------
    n_latents
        Number of latents.
    n_conditions
        Width of u.
    bin_size
        Not used.
    hidden
        Width of each hidden layer between u and the moments.
    posterior
        ``own`` or ``product``.
    """

    factorized = False
    center: Tensor
    spread: Tensor
    total_variance: Tensor

    def __init__(
        self,
        n_latents: int,
        n_conditions: int,
        bin_size: float = 1.0,  # noqa: ARG002
        *,
        hidden: Sequence[int] = (64, 64),
        posterior: str = "own",
        **_: object,
    ) -> None:
        super().__init__()
        self.n_latents = n_latents
        self.product = posterior == "product"
        self.layers = HiddenLayers(n_conditions, hidden)
        self.readout = nn.Linear(self.layers.n_outputs, 2 * n_latents)
        self.readout.bias.data[n_latents:].fill_(_RAW_ONE)
        self.register_buffer("center", torch.zeros(n_conditions))
        self.register_buffer("spread", torch.ones(n_conditions))

    def of(self, conditions: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and variance of the latents given conditions (..., condition)."""
        hidden = self.layers((conditions - self.center) / self.spread)
        mean, raw = self.readout(hidden).float().chunk(2, dim=-1)
        return mean, (softplus(raw) + SMALLEST_SCALE).square()

    def moments(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return m(u) and s²(u), (..., target, latent)."""
        assert batch.conditions is not None  # noqa: S101  (for the type checker)
        return self.of(batch.of_targets(batch.conditions))

    def for_training(self, posterior: Posterior, batch: Batch) -> Posterior:
        """Return q(z|x), or its product with the prior where the setting says so."""
        if not self.product:
            return posterior
        assert batch.conditions is not None  # noqa: S101  (for the type checker)
        mean, variance = self.of(batch.conditions)
        precision = 1 / posterior.variance + 1 / variance
        combined = (posterior.loc / posterior.variance + mean / variance) / precision
        return DiagonalPosterior(combined, precision.rsqrt())

    def place(self, noise: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return m(u) + s(u) · noise."""
        assert conditions is not None  # noqa: S101  (for the type checker)
        mean, variance = self.of(conditions)
        return mean + variance.sqrt() * noise

    @property
    def variance(self) -> Tensor:
        """1 for every latent: the scale at which the network of the moments begins."""
        return torch.ones(self.n_latents, device=self.center.device)

    @torch.no_grad()
    def start_from(self, blocks: Blocks, conditions: Blocks, *, of_counts: bool) -> None:  # noqa: ARG002
        """Standardise the conditions over the training bins."""
        n_bins, total, squares = 0, torch.zeros(()), torch.zeros(())
        for block in conditions():
            n_bins += block.shape[0]
            total = total + block.sum(0, dtype=torch.float64)
            squares = squares + block.double().square().sum(0)
        mean = total / n_bins
        spread = (squares / n_bins - mean.square()).clamp_min(0.0).sqrt()
        self.center.copy_(mean)
        self.spread.copy_(torch.where(spread > 0, spread, 1.0))
