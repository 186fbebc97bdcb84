"""What is known of a model and its session: the arrays behind its scores, checked against each other."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alveus.errors import ArtefactError
from alveus.recording.population import Predictive
from alveus.recording.reliance import Reliance
from alveus.scores.covariate import Covariate
from alveus.scores.parts import TEST
from alveus.scores.score_session import Quantity
from alveus.scores.settings import ScoreSettings


@dataclass(frozen=True)
class ModelScoreInputs:
    """What is known of a model and its session.

    Parameters
    ----------
    counts
        (n_bins, n_units) counts, or real numbers where the quantity is events or ΔF/F.
    split
        (n_bins,) 0 training, 1 validation, 2 test, −1 gap.
    held_out
        (n_units,) units that the twin did not see.
    mean
        (n_seeds, n_bins, n_latents) posterior means, or a baseline's latents.
    held_in_mean
        (n_bins, n_latents) the twin's, inferred from held-in units alone.
    log_likelihood
        (n_seeds, n_bins) E_q[log p(x|z)] [nats] over all units, for models with a decoder of their own.
    kl
        (n_seeds, n_bins, n_latents) KL(q(z|x) ‖ p(z)) [nats], for models with a posterior.
    prior_variance
        (n_seeds, n_latents) for models with a prior.
    prior_mean
        (n_seeds, n_bins, n_latents) for models whose prior depends on the bin.
    log_evidence
        (n_seeds, n_evidence_bins) bound on log p(x) of some test bins [nats], where it is defined.
    evidence_bin
        (n_evidence_bins,) the numbers of those bins.
    no_evidence
        Why it is not defined.
    squared_error
        (n_seeds, n_bins) squared errors of what the decoder expects of activity that is no count, in units of each
        unit's variance.
    likelihood
        Name of the model's own, where it is a density of real numbers and no probability of counts; else empty.
    bypassed
        Whether the decoder hears the activity past the latents.
    predictive
        Statistics of recordings drawn from seed 0, for models that can be drawn from.
    latent_names
        Of the latents; z1, z2, … when not given.
    quantity
        What `counts` holds.
    behavior
        Covariates by name.
    truth_latents
        (n_bins, n_true_latents) of a simulation.
    reliance
        What the decoder loses when latents come from other bins, for models with a likelihood.
    gate
        (n_seeds,) how far the side channel of a decoder is open, where it has one.
    scale
        (n_seeds, n_bins, n_latents) standard deviations of the posterior.
    posterior
        What it is like: ``diagonal``, ``full`` or ``smoothed``.
    over_time
        Whether the prior joins bins.
    settings
        How floors and intervals are drawn.
    validation_loss
        (n_seeds, n_evaluations) during training [nats per bin], NaN after a seed's last evaluation.
    trained
        Whether the model is trained step by step.

    Raises
    ------
    ArtefactError
        If latents do not fit the dataset or hold numbers that are not finite.
    """

    counts: NDArray[Any]
    split: NDArray[np.integer]
    held_out: NDArray[np.bool_]
    mean: NDArray[np.floating]
    held_in_mean: NDArray[np.floating] | None = None
    log_likelihood: NDArray[np.floating] | None = None
    kl: NDArray[np.floating] | None = None
    prior_variance: NDArray[np.floating] | None = None
    prior_mean: NDArray[np.floating] | None = None
    log_evidence: NDArray[np.floating] | None = None
    evidence_bin: NDArray[np.integer] | None = None
    no_evidence: str = ""
    squared_error: NDArray[np.floating] | None = None
    likelihood: str = ""
    bypassed: bool = False
    predictive: Predictive | None = None
    latent_names: tuple[str, ...] = ()
    quantity: Quantity = "counts"
    behavior: dict[str, Covariate] = field(default_factory=dict)
    truth_latents: NDArray[np.floating] | None = None
    reliance: Reliance | None = None
    gate: NDArray[np.floating] | None = None
    scale: NDArray[np.floating] | None = None
    posterior: str = "diagonal"
    over_time: bool = False
    settings: ScoreSettings = field(default_factory=ScoreSettings)
    validation_loss: NDArray[np.floating] | None = None
    trained: bool = False

    def __post_init__(self) -> None:
        n_bins = self.counts.shape[0]
        evidence_bins = np.zeros(0, int) if self.evidence_bin is None else self.evidence_bin
        for name in (
            "mean",
            "held_in_mean",
            "log_likelihood",
            "squared_error",
            "kl",
            "prior_mean",
            "log_evidence",
            "scale",
        ):
            values = getattr(self, name)
            if values is None:
                continue
            bins = values.shape[0] if name == "held_in_mean" else values.shape[1]
            expected = evidence_bins.size if name == "log_evidence" else n_bins
            if bins != expected:
                raise ArtefactError(
                    f"{name} has {bins} bins but the dataset {expected}: encode this dataset again"
                )
            bad = int(np.count_nonzero(~np.isfinite(values)))
            if bad:
                raise ArtefactError(
                    f"{bad} of {values.size} numbers of {name} are not finite: fit this model again"
                )

        if evidence_bins.size and not (self.split[evidence_bins.clip(0, n_bins - 1)] == TEST).all():
            raise ArtefactError("log_evidence is of bins that are no test bins: encode this dataset again")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the latents."""
        return self.latent_names or tuple(f"z{j + 1}" for j in range(self.mean.shape[2]))

    @property
    def moved(self) -> NDArray[np.floating]:
        """Posterior means about the prior's: a latent can look active only because the latter move."""
        return self.mean if self.prior_mean is None else self.mean - self.prior_mean
