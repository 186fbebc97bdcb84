"""Turns the `autoencoder` section of the config into a network that makes the squared error small."""

import torch
from torch import Tensor, nn

from alveus.config import models as config
from alveus.models.batch import Batch
from alveus.models.decoders import DECODERS, Decoder
from alveus.models.encoders import ENCODERS, Encoder
from alveus.models.inputs import Inputs
from alveus.models.network import Encoded, Means, Network, Terms
from alveus.models.posteriors import DiagonalPosterior
from alveus.models.priors.prior import Blocks
from alveus.models.vae import own


class Autoencoder(Network):
    """Latents z = f(x) and reconstruction g(z), with the loss Σ_units (x − g(z))² (Hinton & Salakhutdinov, 2006).

    Counts are square-rooted first (Anscombe, 1948), other activity is divided by each unit's standard deviation,
    as for PCA, so that a linear one spans PCA's subspace. The loss is that of a Gaussian likelihood of unit
    variance, up to a constant, times two.

    Parameters
    ----------
    settings
        Encoder and decoder.
    n_units
        Number of recorded units.
    bin_size
        Width of a bin [s].
    of_counts
        Whether the activity is counts.
    """

    def __init__(
        self, settings: config.Autoencoder, n_units: int, bin_size: float = 1.0, *, of_counts: bool
    ) -> None:
        super().__init__()
        self.n_units, self.n_latents = n_units, settings.latents
        self.inputs = Inputs(n_units, root=of_counts, scale=not of_counts)
        self.encoder: Encoder = ENCODERS[settings.encoder.kind](n_units, bin_size, **own(settings.encoder))
        self.to_latents = nn.Linear(self.encoder.n_hidden, self.n_latents)
        n_side = self.encoder.n_hidden
        self.decoder: Decoder = DECODERS[settings.decoder.kind](self.n_latents, n_side, **own(settings.decoder))
        self.readout = nn.Linear(self.decoder.n_features, n_units)
        self.decoder.constrain(self.readout)
        self.before, self.after = self.encoder.before, self.encoder.after
        self.sequential = self.before + self.after > 0
        self.settled_at = self.decoder.settled_at

    def encode(self, activity: Tensor, present: Tensor | None = None) -> Encoded:
        """Return the latents (..., bin, latent) as a posterior without spread."""
        hidden = self.encoder(self.inputs(activity), present)
        latents = self.to_latents(hidden).float()
        return Encoded(DiagonalPosterior(latents, torch.zeros_like(latents)), hidden)

    def terms(self, batch: Batch, noise: Tensor) -> Terms:  # noqa: ARG002
        """Return minus the squared error of each target, and a KL divergence of 0."""
        encoded = self.encode(batch.activity, batch.present)
        latents = batch.of_targets(encoded.posterior.loc)
        side = batch.of_targets(encoded.hidden) if self.decoder.hears_encoder else None
        wanted = self.inputs(batch.of_targets(batch.activity))
        error = (wanted - self.readout(self.decoder(latents, side)).float()).square().sum(-1)
        return Terms(-error, torch.zeros_like(latents), batch.counted)

    def loss(self, means: Means, beta: float) -> Tensor:  # noqa: ARG002
        """Return the mean over bins of the squared error, summed over units, ()."""
        return -means.log_likelihood

    def rates(self, latents: Tensor, side: Tensor | None = None) -> Tensor:
        """Return the activity given back (..., unit); of counts without what noise adds to a square."""
        return self.inputs.undo(self.readout(self.decoder(latents, side)).float())

    def log_base(self, activity: Tensor) -> Tensor:
        """Return 0: a squared error is no likelihood."""
        return activity.new_zeros(activity.shape[:-1])

    @torch.no_grad()
    def start_from(self, blocks: Blocks, conditions: Blocks = tuple) -> None:  # noqa: ARG002
        """Centre the inputs."""
        self.inputs.start_from(blocks)

    def at_step(self, step: int) -> None:
        """Let the decoder follow its schedules."""
        self.decoder.at_step(step)
