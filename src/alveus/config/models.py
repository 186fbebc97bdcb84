"""The sections that say which models are fitted, and how."""

from typing import Annotated, Literal

from pydantic import Field

from alveus.config.section import NO_EFFECT_ON_RESULTS, ByName, Count, Number, Section

Latents = Annotated[Count, Field(ge=1, le=1024, description="number of latents")]
Widths = Annotated[
    tuple[Annotated[Count, Field(ge=1)], ...],
    Field(description="width of each hidden layer, from input to output"),
]


class PoissonLikelihood(Section):
    """Independent Poisson counts."""

    kind: Literal["poisson"] = "poisson"


class StandardPrior(Section):
    """Independent standard normal latents."""

    kind: Literal["standard"] = "standard"


class MlpEncoder(Section):
    """A multilayer perceptron from one bin of counts to the posterior of its latents."""

    kind: Literal["mlp"] = "mlp"
    hidden: Widths = (128, 128)


class MlpDecoder(Section):
    """A multilayer perceptron from latents to the parameters of the likelihood."""

    kind: Literal["mlp"] = "mlp"
    hidden: Widths = (128, 128)


class Pca(Section):
    """Principal component analysis of square-rooted counts."""

    method: Literal["pca"]
    latents: Latents = 8


Steps = Annotated[Count, Field(ge=1, description="steps at the most; the page says so when they did not suffice")]


class FactorAnalysis(Section):
    """Factor analysis of square-rooted counts: what units share, beside a noise variance for each."""

    method: Literal["factor_analysis"]
    latents: Latents = 8
    max_steps: Steps = 1000


class Ica(Section):
    """Independent component analysis of square-rooted counts."""

    method: Literal["ica"]
    latents: Latents = 8
    max_steps: Steps = 1000


class Nmf(Section):
    """Non-negative matrix factorisation of counts."""

    method: Literal["nmf"]
    latents: Latents = 8
    max_steps: Steps = 1000


class Vae(Section):
    """Variational autoencoder."""

    method: Literal["vae"]
    latents: Latents = 8
    likelihood: Annotated[PoissonLikelihood, ByName, Field(description="distribution of the counts of a bin")] = (
        PoissonLikelihood()
    )
    prior: Annotated[StandardPrior, ByName, Field(description="distribution of the latents")] = StandardPrior()
    encoder: Annotated[MlpEncoder, ByName, Field(description="network from counts to latents")] = MlpEncoder()
    decoder: Annotated[MlpDecoder, ByName, Field(description="network from latents to counts")] = MlpDecoder()
    beta: Annotated[Number, Field(ge=0, description="weight of the KL term; 1 is the evidence lower bound")] = 1.0


BaselineModel = Pca | FactorAnalysis | Ica | Nmf
"""Methods without gradients, the keys of `alveus.baselines.methods.BASELINES`."""

Model = Annotated[BaselineModel | Vae, Field(discriminator="method")]

TRAINED = frozenset({"vae"})
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
    batch_size: Annotated[Count, Field(ge=1, description="bins in a step")] = 512
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
    checkpoint_seconds: Annotated[
        Number,
        Field(gt=0, description="time between checkpoints [s]", json_schema_extra=NO_EFFECT_ON_RESULTS),
    ] = 60.0
