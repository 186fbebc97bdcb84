"""Turns the `vae` section of the config into a variational autoencoder."""

import torch
from torch import Tensor

from alveus.config import models as config
from alveus.config.schedules import settled_at, value_at
from alveus.config.section import Section
from alveus.models.batch import Batch
from alveus.models.decoders import DECODERS, Decoder
from alveus.models.encoders import ENCODERS, Encoder
from alveus.models.inputs import Inputs
from alveus.models.likelihoods import LIKELIHOODS, Likelihood
from alveus.models.network import Encoded, Means, Network, Terms
from alveus.models.objectives import LARGEST_BATCH, elbo_terms, total_correlation
from alveus.models.posteriors import POSTERIORS
from alveus.models.priors import PRIORS, AutoregressivePrior, Prior
from alveus.models.priors.prior import Blocks

BASELINE_MEMORY = 0.98
"""Part of the running baseline of the score function that a step keeps."""


VALUES_SMOOTHED = 128
"""Numbers that smoothing keeps of a latent and bin for its gradients: some for each doubling of its reach."""


class Vae(Network):
    """A variational autoencoder (Kingma & Welling, 2014).

    Parameters
    ----------
    settings
        Which likelihood, prior, encoder, decoder and objective, and their own settings.
    n_units
        Number of recorded units.
    bin_size
        Width of a bin [s].
    n_conditions
        Width of what else is known of a bin, for priors that ask.
    """

    baseline: Tensor
    n_training: Tensor

    def __init__(self, settings: config.Vae, n_units: int, bin_size: float = 1.0, n_conditions: int = 0) -> None:
        super().__init__()
        self.settings = settings
        self.n_units, self.n_latents, self.n_conditions = n_units, settings.latents, n_conditions
        # in this order: fresh weights are drawn as the parts are made
        encoder_settings, decoder_settings = own(settings.encoder), own(settings.decoder)
        n_side = _n_hidden(settings)
        self.decoder: Decoder = DECODERS[settings.decoder.kind](self.n_latents, n_side, **decoder_settings)
        self.likelihood: Likelihood = LIKELIHOODS[settings.likelihood.kind](
            self.decoder.n_features, n_units, **own(settings.likelihood)
        )
        self.decoder.constrain(self.likelihood.readout)
        self.prior: Prior = PRIORS[settings.prior.kind](
            self.n_latents, n_conditions, bin_size, **own(settings.prior)
        )
        if settings.posterior == "smoothed" and isinstance(self.prior, AutoregressivePrior):
            self.prior.smooth()
        of_counts, of_events = self.likelihood.of_counts, self.likelihood.of_events
        self.inputs = Inputs(n_units, compress=of_counts or of_events, of_events=of_events)
        self.encoder: Encoder = ENCODERS[settings.encoder.kind](n_units, bin_size, **encoder_settings)
        self.head = POSTERIORS[settings.posterior](self.encoder.n_hidden, self.n_latents)
        self.before = self.encoder.before + self.prior.before
        self.after = self.encoder.after + self.prior.after
        self.sequential = self.before + self.after > 0
        self.settled_at = max(settled_at(settings.beta), self.decoder.settled_at)
        self.unit_dropout = settings.unit_dropout
        self.together = LARGEST_BATCH if settings.objective.kind == "total_correlation" else 1
        self.register_buffer("baseline", torch.zeros(()))
        self.register_buffer("n_training", torch.zeros((), dtype=torch.int64))

    def encode(
        self, activity: Tensor, present: Tensor | None = None, hidden_units: Tensor | None = None
    ) -> Encoded:
        """Return the posterior of the latents given activity (..., bin, unit), and the encoder's hidden layer."""
        inputs = self.inputs(activity)
        if hidden_units is not None:  # those left speak louder, so that what they add up to stays the same
            inputs = inputs * ~hidden_units / (1 - self.settings.unit_dropout)
        hidden = self.encoder(inputs, present)
        return Encoded(self.prior.infer(self.head(hidden), present), hidden)

    def terms(self, batch: Batch, noise: Tensor) -> Terms:
        """Return the terms of the evidence lower bound, and of the total correlation where it is asked for."""
        encoded = self.encode(batch.activity, batch.present, batch.hidden)
        score_function = self.settings.gradients == "score_function" and torch.is_grad_enabled()
        terms = elbo_terms(
            encoded,
            self.decoder,
            self.likelihood,
            self.prior,
            batch,
            noise,
            baseline=self.baseline if score_function else None,
        )
        if self.settings.objective.kind == "total_correlation":
            dependence = total_correlation(encoded.posterior, encoded.posterior.place(noise), int(self.n_training))
            terms = terms._replace(total_correlation=dependence)
        return terms

    def loss(self, means: Means, beta: float) -> Tensor:
        """Return β·KL − log p(x|z), or as the objective and free bits have it, () [nats per bin]."""
        return means.loss(beta, self.settings.free_bits)

    def rates(self, latents: Tensor, side: Tensor | None = None) -> Tensor:
        """Return the expected activity per bin (..., unit) at latents (..., latent)."""
        return self.likelihood.mean(self.decoder(latents, side))

    def log_base(self, activity: Tensor) -> Tensor:
        """Return the part of the log-likelihood that depends on activity (..., unit) alone, (...,) [nats]."""
        return self.likelihood.log_base(activity).sum(-1)

    def batch(self, activity: Tensor) -> Batch:
        """Turn activity (bin, unit) of unrelated bins into a batch, with its base measure."""
        return Batch(activity, self.log_base(activity))

    @property
    def values_per_bin(self) -> int:
        """As for any network, and what a posterior joined over time takes besides."""
        joined = self.settings.posterior == "smoothed"
        return super().values_per_bin + joined * VALUES_SMOOTHED * self.n_latents

    @torch.no_grad()
    def start_from(self, blocks: Blocks, conditions: Blocks = tuple) -> None:
        """Start as the mean-rate model of the training bins."""
        self.inputs.start_from(blocks)
        self.likelihood.start_from(blocks())
        self.prior.start_from(blocks, conditions, of_counts=self.likelihood.of_counts)
        self.n_training.fill_(sum(block.shape[0] for block in blocks()))

    def beta_at(self, step: int) -> float:
        """Return what the schedule of β says."""
        return value_at(self.settings.beta, step)

    def at_step(self, step: int) -> None:
        """Let the decoder follow its schedules."""
        self.decoder.at_step(step)

    @torch.no_grad()
    def follow(self, log_likelihood: Tensor) -> None:
        """Move the running baseline, if there is one, towards the mean; its first value is taken whole."""
        if self.settings.gradients == "score_function":
            memory = torch.where(self.baseline == 0, 0.0, BASELINE_MEMORY)
            self.baseline.copy_(memory * self.baseline + (1 - memory) * log_likelihood.mean())


def _n_hidden(settings: config.Vae) -> int:
    """Return the width of the encoder's hidden layer, which a side channel needs to know."""
    return settings.encoder.hidden[-1] if settings.encoder.hidden else 0


def own(section: Section) -> dict[str, object]:
    """Return what a choice sets besides its name."""
    return {name: getattr(section, name) for name in type(section).model_fields if name != "kind"}
