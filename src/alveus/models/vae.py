"""Turns the `vae` section of the config into a variational autoencoder."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from alveus.config import models as config
from alveus.config.section import Section
from alveus.models.batch import Batch
from alveus.models.decoders import DECODERS, Decoder
from alveus.models.encoders import ENCODERS, Encoder
from alveus.models.inputs import Inputs
from alveus.models.likelihoods import LIKELIHOODS, Likelihood
from alveus.models.posteriors import DiagonalPosterior
from alveus.models.priors import PRIORS, Prior


class Vae(nn.Module):
    """A variational autoencoder of the activity of single bins (Kingma & Welling, 2014).

    Parameters
    ----------
    settings
        Which likelihood, prior, encoder and decoder, and their own settings.
    n_units
        Number of recorded units.
    """

    def __init__(self, settings: config.Vae, n_units: int) -> None:
        super().__init__()
        self.n_units = n_units
        self.n_latents = settings.latents
        self.decoder: Decoder = DECODERS[settings.decoder.kind](self.n_latents, **_own(settings.decoder))
        self.likelihood: Likelihood = LIKELIHOODS[settings.likelihood.kind](
            self.decoder.n_features, n_units, **_own(settings.likelihood)
        )
        self.prior: Prior = PRIORS[settings.prior.kind](self.n_latents, **_own(settings.prior))
        self.inputs = Inputs(n_units, compress=self.likelihood.of_counts)
        self.encoder: Encoder = ENCODERS[settings.encoder.kind](n_units, self.n_latents, **_own(settings.encoder))

    def encode(self, activity: Tensor) -> DiagonalPosterior:
        """Return the posterior of the latents given activity (..., unit)."""
        return self.encoder(self.inputs(activity))

    def rates(self, latents: Tensor) -> Tensor:
        """Return the expected activity per bin (..., unit) at latents (..., latent)."""
        return self.likelihood.mean(self.decoder(latents))

    def batch(self, activity: Tensor) -> Batch:
        """Turn activity (bin, unit) into a batch, with its base measure computed here and now."""
        return Batch(activity, self.likelihood.log_base(activity))

    @torch.no_grad()
    def start_from(self, blocks: Callable[[], Iterable[Tensor]]) -> None:
        """Start as the mean-rate model of the training bins, so that training can only improve on it.

        Parameters
        ----------
        blocks
            Gives, each time it is called, blocks (bin, unit) of activity that together are the training bins.
        """
        self.inputs.start_from(blocks())
        self.likelihood.start_from(blocks())


def _own(section: Section) -> dict[str, object]:
    """Return what a choice sets besides its name."""
    return section.model_dump(exclude={"kind"})
