"""What every trained model is: a network that learns from batches of bins and gives the latents of each."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from alveus.models.batch import Batch
from alveus.models.decoders import Decoder
from alveus.models.inputs import Inputs
from alveus.models.posteriors import Posterior
from alveus.models.priors.prior import Blocks


class Encoded(NamedTuple):
    """What an encoder makes of bins.

    Parameters
    ----------
    posterior
        Of the latents of all bins of the batch.
    hidden
        (..., bin, hidden) the encoder's last layer.
    """

    posterior: Posterior
    hidden: Tensor


class Means(NamedTuple):
    """Terms averaged over bins.

    Parameters
    ----------
    log_likelihood
        () log p(x|z) [nats per bin].
    kl
        (latent,) KL divergence from posterior to prior [nats per bin].
    total_correlation
        () dependence between the latents [nats], where the objective asks for it.
    """

    log_likelihood: Tensor
    kl: Tensor
    total_correlation: Tensor | None = None

    def loss(self, beta: float = 1.0, free_bits: float = 0.0) -> Tensor:
        """Return what training makes small, () [nats per bin].

        Parameters
        ----------
        beta
            Weight of the KL divergence (Higgins et al., 2017); where there is a total correlation, of it
            alone: KL + (β − 1)·TC (Chen et al., 2018).
        free_bits
            KL of each latent that costs nothing [nats per bin] (Kingma et al., 2016).
        """
        kl = (self.kl.clamp_min(free_bits) if free_bits else self.kl).sum()
        weighed = beta * kl if self.total_correlation is None else kl + (beta - 1) * self.total_correlation
        return weighed - self.log_likelihood


class Terms(NamedTuple):
    """What an objective is made of; for the evidence lower bound (Kingma & Welling, 2014).

    Parameters
    ----------
    log_likelihood
        (..., target) log p(x|z) at a sample z of the posterior, over all units [nats].
    kl
        (..., target, latent) KL divergence from posterior to prior [nats].
    counted
        (..., target) which targets count; None: all.
    total_correlation
        () dependence between the latents [nats], where the objective asks for it.
    """

    log_likelihood: Tensor
    kl: Tensor
    counted: Tensor | None = None
    total_correlation: Tensor | None = None

    @property
    def n_counted(self) -> Tensor:
        """Targets that count, ()."""
        return torch.as_tensor(self.log_likelihood.numel() if self.counted is None else self.counted.sum())

    def per_bin(self, beta: float = 1.0) -> Tensor:
        """Return log p(x|z) − β·KL of each bin [nats]; at β = 1 a lower bound on log p(x) on average."""
        return self.log_likelihood - beta * self.kl.sum(-1)

    def means(self) -> Means:
        """Average over the targets that count."""
        if self.counted is None:
            return Means(self.log_likelihood.mean(), self.kl.mean(0), self.total_correlation)
        n = self.counted.sum().clamp_min(1)
        log_likelihood = (self.log_likelihood * self.counted).sum() / n
        return Means(
            log_likelihood, (self.kl * self.counted.unsqueeze(-1)).sum((0, 1)) / n, self.total_correlation
        )


def averaged(parts: Sequence[Means], sizes: Tensor) -> Means:
    """Return the means over all parts of a batch, float64.

    Parameters
    ----------
    parts
        Means over each.
    sizes
        (part,) targets that count in each.
    """
    weights = sizes.double() / sizes.sum()

    def average(values: list[Tensor]) -> Tensor:
        return (torch.stack(values).double() * weights.reshape(-1, *[1] * values[0].dim())).sum(0)

    dependence = [part.total_correlation for part in parts if part.total_correlation is not None]
    return Means(
        average([part.log_likelihood for part in parts]),
        average([part.kl for part in parts]),
        average(dependence) if dependence else None,
    )


class Network(nn.Module, ABC):
    """A model that is trained.

    Attributes
    ----------
    n_units, n_latents, n_conditions
        Sizes.
    inputs
        What turns activity into what the encoder sees.
    decoder
        What turns latents into features of the activity.
    before, after
        How many bins around a target it must be given.
    sequential
        Whether batches must be stretches of neighbouring bins.
    settled_at
        Step from which the model's own schedules stay where they are.
    unit_dropout
        Part of the units that training hides from the encoder, and scores alone.
    together
        Items of a batch, from its first on, that the objective compares with each other: a batch may be parted
        between such groups only.
    """

    n_units: int
    n_latents: int
    n_conditions: int = 0
    inputs: Inputs
    decoder: Decoder
    before: int
    after: int
    sequential: bool
    settled_at: int = 0
    unit_dropout: float = 0.0
    together: int = 1

    @property
    def values_per_bin(self) -> int:
        """How many numbers the layers make of a bin, its activity included: what memory grows with."""
        widths = [layer.out_features for layer in self.modules() if isinstance(layer, nn.Linear)]
        widths += [layer.out_channels for layer in self.modules() if isinstance(layer, nn.Conv1d)]
        return self.n_units + sum(widths)

    @abstractmethod
    def encode(self, activity: Tensor, present: Tensor | None = None) -> Encoded:
        """Return the posterior of the latents of activity (..., bin, unit)."""

    @abstractmethod
    def terms(self, batch: Batch, noise: Tensor) -> Terms:
        """Evaluate a batch.

        Parameters
        ----------
        batch
            The bins.
        noise
            (..., bin, latent) standard normal; one sample of the posterior per bin.
        """

    @abstractmethod
    def loss(self, means: Means, beta: float) -> Tensor:
        """Sum the averaged terms to what training makes small, () [nats per bin]."""

    @abstractmethod
    def rates(self, latents: Tensor, side: Tensor | None = None) -> Tensor:
        """Return the expected activity per bin (..., unit) at latents (..., latent), given the side channel."""

    @abstractmethod
    def log_base(self, activity: Tensor) -> Tensor:
        """Return the part of the log-likelihood that activity (..., unit) alone decides, (...,) [nats]."""

    @abstractmethod
    def start_from(self, blocks: Blocks, conditions: Blocks) -> None:
        """Start as the model without latents of the training bins, so that training can only improve on it.

        Parameters
        ----------
        blocks, conditions
            Give, each time they are called, blocks (bin, unit) of activity and (bin, condition) of conditions
            that together are the training bins.
        """

    def beta_at(self, step: int) -> float:  # noqa: ARG002
        """Return the weight of the KL divergence at a step; 0 for a model without one."""
        return 0.0

    def at_step(self, step: int) -> None:
        """Follow the model's own schedules, if it has any."""

    def follow(self, log_likelihood: Tensor) -> None:
        """Take note of the log-likelihood of a batch (..., target) [nats] that a step was made from."""
