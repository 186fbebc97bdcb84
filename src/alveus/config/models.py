"""The sections that say which models are fitted, and how."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from alveus.config.contradictions import contradictions
from alveus.config.networks import (
    ConstantSchedule,
    Decoder,
    ElboObjective,
    Encoder,
    Likelihood,
    MlpDecoder,
    MlpEncoder,
    Objective,
    PoissonLikelihood,
    Prior,
    Schedule,
    StandardPrior,
)
from alveus.config.section import NO_EFFECT_ON_RESULTS, ByName, Count, Number, Section, by_name_or

Latents = Annotated[Count, Field(ge=1, le=1024, description="number of latents")]
EncoderChoice = Annotated[
    Encoder,
    by_name_or("mlp"),
    Field(description="network from activity to latents: mlp, window (of the bins around)"),
]
DecoderChoice = Annotated[
    Decoder,
    by_name_or("mlp"),
    Field(description="network from latents to activity: linear, mlp, film, inject, skip"),
]
Sweep = Annotated[
    dict[str, tuple[Any, ...]],
    Field(
        description="settings of this model, each with a list of values; one model for every combination",
        exclude=True,
    ),
]


class Pca(Section):
    """Principal component analysis of square-rooted counts."""

    method: Literal["pca"]
    latents: Latents = 8
    sweep: Sweep = Field(default_factory=dict)


class Autoencoder(Section):
    """Autoencoder with a squared error: of square-rooted counts, as for PCA; of other activity as it is."""

    method: Literal["autoencoder"]
    latents: Latents = 8
    encoder: EncoderChoice = MlpEncoder()
    decoder: DecoderChoice = MlpDecoder()
    sweep: Sweep = Field(default_factory=dict)


Steps = Annotated[Count, Field(ge=1, description="steps at the most; the page says so when they did not suffice")]


class FactorAnalysis(Section):
    """Factor analysis of square-rooted counts: what units share, beside a noise variance for each."""

    method: Literal["factor_analysis"]
    latents: Latents = 8
    max_steps: Steps = 1000
    sweep: Sweep = Field(default_factory=dict)


class Ica(Section):
    """Independent component analysis of square-rooted counts."""

    method: Literal["ica"]
    latents: Latents = 8
    max_steps: Steps = 1000
    sweep: Sweep = Field(default_factory=dict)


class Nmf(Section):
    """Non-negative matrix factorisation of counts."""

    method: Literal["nmf"]
    latents: Latents = 8
    max_steps: Steps = 1000
    sweep: Sweep = Field(default_factory=dict)


class Vae(Section):
    """Variational autoencoder."""

    method: Literal["vae"]
    latents: Latents = 8
    likelihood: Annotated[
        Likelihood,
        ByName,
        Field(
            description="distribution of the activity of a bin: poisson, negative_binomial (counts); gaussian "
            "(traces, events); zero_inflated_gamma (events)"
        ),
    ] = PoissonLikelihood()
    prior: Annotated[
        Prior,
        ByName,
        Field(description="distribution of the latents: standard, anisotropic, conditional, autoregressive"),
    ] = StandardPrior()
    posterior: Annotated[
        Literal["diagonal", "full", "smoothed"],
        Field(
            description="of the latents of a bin: independent, or with their covariance; smoothed: joined over "
            "time by an autoregressive prior"
        ),
    ] = "diagonal"
    encoder: EncoderChoice = MlpEncoder()
    decoder: DecoderChoice = MlpDecoder()
    objective: Annotated[
        Objective, ByName, Field(description="elbo, or total_correlation (β then weighs only dependence)")
    ] = ElboObjective()
    beta: Annotated[
        Schedule,
        Field(
            description="weight of the KL term, 1 is the evidence lower bound; a number, or a schedule: "
            "warm_up, cyclical, steps"
        ),
    ] = ConstantSchedule(value=1.0)
    free_bits: Annotated[
        Number,
        Field(ge=0, description="KL of each latent that is free [nats per bin] (Kingma et al., 2016)"),
    ] = 0.0
    gradients: Annotated[
        Literal["reparameterization", "score_function"],
        Field(description="how the gradient reaches the encoder through a sample"),
    ] = "reparameterization"
    measure_gradients: Annotated[
        bool, Field(description="measure the variance of both kinds of gradient after training")
    ] = False
    unit_dropout: Annotated[
        Number,
        Field(
            ge=0,
            lt=1,
            description="part of the units hidden from the encoder in each step, and scored alone "
            "(coordinated dropout; Keshtkaran & Pandarinath, 2019)",
        ),
    ] = 0.0
    rates: Annotated[
        bool,
        Field(
            description="write denoised rates of every bin and unit too (rates.zarr, as large as the activity in "
            "float32)",
            exclude=True,
        ),
    ] = False
    sweep: Sweep = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if problems := list(contradictions(self)):
            raise ValueError("; ".join(problems))
        return self


BaselineModel = Pca | FactorAnalysis | Ica | Nmf
"""Methods without gradients, the keys of `alveus.baselines.methods.BASELINES`."""

Model = Annotated[BaselineModel | Autoencoder | Vae, Field(discriminator="method")]

COUNT_LIKELIHOODS = frozenset({"poisson", "negative_binomial"})
"""Likelihoods of whole numbers."""

EVENT_LIKELIHOODS = frozenset({"zero_inflated_gamma"})
"""Likelihoods of zeros and positive real numbers."""

TRAINED = frozenset({"autoencoder", "vae"})
"""Methods that are trained with gradients: only they depend on the section training, and ask for a GPU."""


class Training(Section):
    """How models with gradients are trained."""

    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        Field(
            description="auto: a GPU where there is one, else the CPU with a warning; cuda: a GPU or nothing",
            json_schema_extra=NO_EFFECT_ON_RESULTS,
        ),
    ] = "auto"
    batch_size: Annotated[
        Count,
        Field(ge=1, description="bins in a step; where memory is short they are computed in parts that add up"),
    ] = 512
    learning_rate: Annotated[Number, Field(gt=0, le=1, description="step size of Adam at the start")] = 2e-3
    learning_rate_decay: Annotated[
        Number, Field(gt=0, lt=1, description="factor on the learning rate when the validation loss stalls")
    ] = 0.3
    patience: Annotated[
        Count, Field(ge=1, description="evaluations without improvement before the learning rate decays")
    ] = 4
    decays: Annotated[Count, Field(ge=0, description="decays before training stops for want of improvement")] = 2
    max_epochs: Annotated[Count, Field(ge=1, description="passes over the training bins at the most")] = 2000
    max_steps: Annotated[Count, Field(ge=1, description="steps at the most")] = 200_000
    evaluate_every: Annotated[
        Count, Field(ge=1, description="steps between evaluations of the validation bins")
    ] = 100
    gradient_clip: Annotated[Number, Field(gt=0, description="largest norm of a gradient")] = 10.0
    precision: Annotated[
        Literal["float32", "bfloat16"],
        Field(
            description="of the layers in training steps; bfloat16 pays where the processor multiplies it faster"
        ),
    ] = "float32"
    memory_gb: Annotated[
        Number,
        Field(
            gt=0,
            description="activity larger than this [GB] is read from an unpacked copy on disk while it is "
            "fitted and encoded, and moved to the device batch by batch",
            json_schema_extra=NO_EFFECT_ON_RESULTS,
        ),
    ] = 8.0
    checkpoint_seconds: Annotated[
        Number,
        Field(gt=0, description="time between checkpoints [s]", json_schema_extra=NO_EFFECT_ON_RESULTS),
    ] = 60.0
