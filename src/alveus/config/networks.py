"""The choices a trained model is put together from: likelihood, prior, encoder, decoder, objective, schedules."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from alveus.config.section import Count, Number, Section

Widths = Annotated[
    tuple[Annotated[Count, Field(ge=1)], ...],
    Field(description="width of each hidden layer, from input to output"),
]
Link = Annotated[
    Literal["softplus", "exp"], Field(description="from the decoder's numbers to rates that cannot be negative")
]


# Likelihoods: the distribution of the activity of a bin, given its latents.


class PoissonLikelihood(Section):
    """Independent Poisson counts."""

    kind: Literal["poisson"] = "poisson"
    link: Link = "softplus"


class NegativeBinomialLikelihood(Section):
    """Independent negative binomial counts: more variable than Poisson, by as much as each unit shows."""

    kind: Literal["negative_binomial"] = "negative_binomial"
    link: Link = "softplus"


class GaussianLikelihood(Section):
    """Independent normal activity: traces, or anything that is no count."""

    kind: Literal["gaussian"] = "gaussian"
    variance: Annotated[
        Literal["per_unit", "from_latents"],
        Field(description="one learned variance a unit, or one that the decoder gives for every bin"),
    ] = "per_unit"


class ZeroInflatedGammaLikelihood(Section):
    """Independent events of a deconvolution: none in most bins, else a gamma-distributed amount."""

    kind: Literal["zero_inflated_gamma"] = "zero_inflated_gamma"


Likelihood = Annotated[
    PoissonLikelihood | NegativeBinomialLikelihood | GaussianLikelihood | ZeroInflatedGammaLikelihood,
    Field(discriminator="kind"),
]


# Priors: the distribution of the latents before the activity is seen.


class StandardPrior(Section):
    """Independent standard normal latents in every bin."""

    kind: Literal["standard"] = "standard"


class AnisotropicPrior(Section):
    """Independent normal latents of different variances in every bin."""

    kind: Literal["anisotropic"] = "anisotropic"
    variances: Annotated[
        Literal["geometric", "pca"] | tuple[Annotated[Number, Field(gt=0)], ...],
        Field(
            description="one a latent; geometric: a ladder 1, ratio, ratio², …; pca: the spectrum of the "
            "covariance of log rates (the correlation of activity that is no count)"
        ),
    ] = "geometric"
    ratio: Annotated[Number, Field(gt=0, lt=1, description="of neighbours in the geometric ladder")] = 0.7


class ConditionalPrior(Section):
    """Normal latents whose mean and variance depend on what else is known of a bin (iVAE, pi-VAE)."""

    kind: Literal["conditional"] = "conditional"
    covariates: Annotated[tuple[str, ...], Field(description="names of covariates")] = ()
    trial_columns: Annotated[
        tuple[str, ...], Field(description="names of columns of the trials, as categories; 'none' between trials")
    ] = ()
    time_segments: Annotated[
        Count, Field(ge=0, le=10_000, description="cut the session into this many equal parts, as categories")
    ] = 0
    hidden: Widths = (64, 64)
    posterior: Annotated[
        Literal["own", "product"],
        Field(
            description="own: the encoder's q(z|x), without labels, is trained against p(z|u); product: "
            "training uses q(z|x)·p(z|u), renormalised (pi-VAE)"
        ),
    ] = "own"


class AutoregressivePrior(Section):
    """First-order autoregressive latents of unit variance within each segment: slow, as far as the data say."""

    kind: Literal["autoregressive"] = "autoregressive"
    time_constant: Annotated[Number, Field(gt=0, description="of every latent at the start [s]")] = 0.2
    learned: Annotated[bool, Field(description="learn a time constant for each latent")] = True


Prior = Annotated[
    StandardPrior | AnisotropicPrior | ConditionalPrior | AutoregressivePrior, Field(discriminator="kind")
]


# Encoders: from activity to the posterior of the latents.


class MlpEncoder(Section):
    """A multilayer perceptron from one bin of activity."""

    kind: Literal["mlp"] = "mlp"
    hidden: Widths = (128, 128)


class WindowEncoder(Section):
    """A convolution over the bins around, within a segment."""

    kind: Literal["window"] = "window"
    hidden: Annotated[Widths, Field(min_length=1)] = (128, 128)
    seconds: Annotated[Number, Field(gt=0, description="reach of the window to each side [s]")] = 0.2
    causal: Annotated[bool, Field(description="look back only")] = False


Encoder = Annotated[MlpEncoder | WindowEncoder, Field(discriminator="kind")]


# Schedules: numbers that change while a model is trained.


class ConstantSchedule(Section):
    """One value."""

    kind: Literal["constant"] = "constant"
    value: Annotated[Number, Field(ge=0, description="at every step")] = 1.0


class WarmUpSchedule(Section):
    """A straight line from start to value."""

    kind: Literal["warm_up"] = "warm_up"
    value: Annotated[Number, Field(ge=0, description="reached after `steps`")] = 1.0
    start: Annotated[Number, Field(ge=0, description="at step 0")] = 0.0
    steps: Annotated[Count, Field(ge=1, description="steps it takes")] = 2000


class CyclicalSchedule(Section):
    """A saw whose teeth rise for half their length and stay for the other half (Fu et al., 2019)."""

    kind: Literal["cyclical"] = "cyclical"
    value: Annotated[Number, Field(ge=0, description="reached in every cycle, and kept after the last")] = 1.0
    start: Annotated[Number, Field(ge=0, description="at which every cycle begins")] = 0.0
    steps: Annotated[Count, Field(ge=2, description="length of a cycle")] = 1000
    cycles: Annotated[Count, Field(ge=1, description="how many")] = 4


class StepsSchedule(Section):
    """Values that change at given steps."""

    kind: Literal["steps"] = "steps"
    values: Annotated[
        tuple[Annotated[Number, Field(ge=0)], ...], Field(min_length=1, description="the first holds from step 0")
    ] = (0.0, 1.0)
    at: Annotated[
        tuple[Annotated[Count, Field(ge=1)], ...], Field(description="steps at which the others begin, rising")
    ] = (1000,)

    @model_validator(mode="after")
    def _one_fewer(self) -> Self:
        if len(self.at) != len(self.values) - 1 or sorted(set(self.at)) != list(self.at):
            raise ValueError(
                f"{len(self.values)} values need {len(self.values) - 1} rising steps at which they change"
            )
        return self


def _number_as_constant(value: Any) -> Any:
    return {"kind": "constant", "value": value} if isinstance(value, int | float) else value


Schedule = Annotated[
    Annotated[ConstantSchedule | WarmUpSchedule | CyclicalSchedule | StepsSchedule, Field(discriminator="kind")],
    BeforeValidator(_number_as_constant),
]
"""A number stands for a constant one."""


# Decoders: from latents to what the likelihood reads.


class LinearDecoder(Section):
    """Latents straight to the likelihood: one weight for each latent and unit."""

    kind: Literal["linear"] = "linear"
    weights: Annotated[
        Literal["free", "unit_norm", "orthonormal"],
        Field(description="of each latent: any; of length 1; of length 1 and orthogonal to the others'"),
    ] = "free"


class MlpDecoder(Section):
    """A multilayer perceptron."""

    kind: Literal["mlp"] = "mlp"
    hidden: Widths = (128, 128)


class FilmDecoder(Section):
    """A network whose every layer the latents scale and shift (Perez et al., 2018)."""

    kind: Literal["film"] = "film"
    hidden: Annotated[Widths, Field(min_length=1)] = (128, 128)


class InjectDecoder(Section):
    """A multilayer perceptron that is given the latents again at every layer."""

    kind: Literal["inject"] = "inject"
    hidden: Annotated[Widths, Field(min_length=1)] = (128, 128)


class SkipDecoder(Section):
    """A decoder that also hears the encoder's hidden layers, past the latents: to show collapse, and its cure."""

    kind: Literal["skip"] = "skip"
    hidden: Annotated[Widths, Field(min_length=1)] = (128, 128)
    gate: Annotated[
        Literal["learned"] | Schedule,
        Field(description="how far the side channel is open, 0 to 1: learned, a number, or a schedule"),
    ] = "learned"

    @model_validator(mode="after")
    def _at_most_open(self) -> Self:
        if isinstance(self.gate, str):
            return self
        values = self.gate.values if isinstance(self.gate, StepsSchedule) else (self.gate.value,)
        most = max(*values, getattr(self.gate, "start", 0.0))
        if most > 1:
            raise ValueError(f"a gate opens to 1 at the most, and this one to {most:g}")
        return self


Decoder = Annotated[
    LinearDecoder | MlpDecoder | FilmDecoder | InjectDecoder | SkipDecoder, Field(discriminator="kind")
]


# Objectives: what training makes small.


class ElboObjective(Section):
    """β·KL − log p(x|z): the evidence lower bound at β = 1 (Kingma & Welling, 2014; Higgins et al., 2017)."""

    kind: Literal["elbo"] = "elbo"


class TotalCorrelationObjective(Section):
    """KL + (β − 1)·TC − log p(x|z): β weighs only the dependence between latents (β-TCVAE; Chen et al., 2018)."""

    kind: Literal["total_correlation"] = "total_correlation"


Objective = Annotated[ElboObjective | TotalCorrelationObjective, Field(discriminator="kind")]
