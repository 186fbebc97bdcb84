"""What the pages are made of: plain arrays, tables and words, filled by the caller from opened stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from alveus.recording import Finding
    from alveus.recording.behavior import Kind

Outcome = Literal["done", "failed", "refused", "pending"]


@dataclass(frozen=True)
class Snippet:
    """A behavioural variable over some bins.

    Parameters
    ----------
    name, kind, period, labels, unit
        As in `alveus.recording.Behavior`.
    times
        (n_bins,) bin centres [s].
    values
        (n_bins,) or (n_bins, n_components), NaN where missing; for ``categorical`` whole-number codes into
        `labels`, −1 where missing.
    """

    name: str
    kind: Kind
    times: NDArray[Any]
    values: NDArray[Any]
    period: float | None = None
    labels: tuple[str, ...] = ()
    unit: str = ""


@dataclass(frozen=True)
class ActivityWindow:
    """An example stretch of the activity, without a gap.

    Parameters
    ----------
    times
        (n_bins,) bin centres [s].
    counts
        (n_bins, n_units) counts or events.
    behavior
        What the animal did in the same bins.
    """

    times: NDArray[Any]
    counts: NDArray[Any]
    behavior: tuple[Snippet, ...] = ()


@dataclass(frozen=True)
class Optical:
    """What a page shows of an optical recording before it was binned.

    Parameters
    ----------
    method, unit
        How events were made, in words, and the unit they are in.
    sampling_rate
        Frames per second [Hz].
    noise_level, snr
        (n_units,) of the kept units, NaN where not known.
    refused
        Ids of the units that were left out, with the reason.
    times
        (n_frames,) of an example stretch [s].
    excerpt_units, excerpt_snr
        (n,) ids of the units of the example stretch, and their signal-to-noise ratios.
    dff, events
        (n_frames, n) of the example stretch, or None where there is none.
    """

    method: str
    unit: str
    sampling_rate: float
    noise_level: NDArray[np.float64]
    snr: NDArray[np.float64]
    refused: Mapping[str, str]
    times: NDArray[np.float64]
    excerpt_units: tuple[str, ...]
    excerpt_snr: NDArray[np.float64]
    dff: NDArray[np.float32] | None = None
    events: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class LatentExcerpt:
    """Posterior means of one seed in some bins, with what happened in them.

    Parameters
    ----------
    times
        (n_bins,) bin centres [s].
    mean
        (n_bins, n_latents).
    scale
        (n_bins, n_latents) posterior standard deviation, or None for a method without one.
    split
        (n_bins,) 0 train, 1 validation, 2 test, −1 gap.
    behavior
        In the same bins.
    """

    times: NDArray[Any]
    mean: NDArray[Any]
    split: NDArray[Any]
    scale: NDArray[Any] | None = None
    behavior: tuple[Snippet, ...] = ()


@dataclass(frozen=True)
class DrawnAgainstRecorded:
    """One statistic of the recorded test bins, and of recordings drawn from a model.

    Parameters
    ----------
    statistic
        ``rate``, ``fano_factor``, ``correlation`` or ``silent_bins``.
    recorded
        (n,) of the recorded activity, of every unit, pair or stretch; NaN where not defined.
    drawn
        (n_draws, n) of the drawn ones, likewise.
    """

    statistic: str
    recorded: NDArray[np.float64]
    drawn: NDArray[np.float64]


@dataclass(frozen=True)
class ModelReport:
    """One fitted model.

    Parameters
    ----------
    name, method
        The model's name in the config, and its kind: ``pca``, ``nmf``, ``vae``, ...
    n_latents, n_seeds
        Sizes.
    settings
        Of the model and its training, nested mappings of plain values.
    history
        Columns ``step, epoch, seed, train_loss, validation_loss, reconstruction, kl, beta, learning_rate``;
        None or empty for a method without training.
    course
        A contiguous stretch, best the one of the activity window.
    cloud
        Bins spread over the whole session, for scatter plots.
    drawn
        What it draws, held against the recording; empty for a model that cannot be drawn from.
    notes
        Sentences about the fit: early stop, fallback to the CPU.
    """

    name: str
    method: str
    n_latents: int
    n_seeds: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    history: pd.DataFrame | None = None
    course: LatentExcerpt | None = None
    cloud: LatentExcerpt | None = None
    drawn: tuple[DrawnAgainstRecorded, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class StageStatus:
    """How a stage ended: its name (with the model's, where there is one), outcome, message, attempt, time [s]."""

    stage: str
    status: str
    message: str = ""
    attempt: int = 1
    seconds: float | None = None


@dataclass(frozen=True)
class Failure:
    """Why a session has no scores: which stage, its exit status (2, 3, …), its last words, the log's end."""

    stage: str
    exit_status: int
    message: str
    log_tail: str = ""

    @property
    def outcome(self) -> Outcome:
        """Refused by a quality rule (3), or failed."""
        return "refused" if self.exit_status == 3 else "failed"


@dataclass(frozen=True)
class Provenance:
    """How to get the same page again.

    Parameters
    ----------
    settings
        The session's effective settings, nested mappings of plain values.
    versions
        Software by name.
    digests
        Artefact by name to its digest or fingerprint.
    device
        What the models were trained on.
    command
        A line for the terminal that makes this page again.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    command: str = ""


@dataclass(frozen=True)
class SessionReport:
    """Everything on a session's page; sizes are None and arrays absent where the session did not get so far.

    Parameters
    ----------
    session, dataset
        Names, free text.
    modality, quantity
        ``spikes`` or ``calcium``; ``counts``, ``events`` or ``dff``.
    n_units, n_bins, bin_size, duration
        Sizes; width of a bin and length of the recording [s].
    findings
        What was dropped, masked or found odd.
    facts, source
        Named numbers about the preparation; free facts about the recording.
    window
        An example stretch for the raster.
    rates, fano_factors
        (n_units,) mean rate [Hz] (calcium: mean activity per second) and Fano factor, NaN where not defined.
    optical
        Of an optical recording; None for spikes.
    trials
        Named facts about trials; empty when there are none.
    split
        Share of the bins by part: ``train``, ``validation``, ``test``, ``gap``.
    models
        Fitted models, in the order of the config.
    scores
        Rows of all scores.csv of this session, with their columns.
    statuses, failure, warnings
        How each stage ended; why the session has no scores, if so; sentences to be heeded.
    private
        Words to hide wherever they occur: user name, host name.
    """

    session: str
    dataset: str
    modality: str = "spikes"
    quantity: str = "counts"
    n_units: int | None = None
    n_bins: int | None = None
    bin_size: float | None = None
    duration: float | None = None
    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, float | int | str] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)
    window: ActivityWindow | None = None
    rates: NDArray[np.float64] | None = None
    fano_factors: NDArray[np.float64] | None = None
    optical: Optical | None = None
    trials: Mapping[str, float | int | str] = field(default_factory=dict)
    split: Mapping[str, float] = field(default_factory=dict)
    models: tuple[ModelReport, ...] = ()
    scores: pd.DataFrame | None = None
    statuses: tuple[StageStatus, ...] = ()
    provenance: Provenance = Provenance()
    warnings: tuple[str, ...] = ()
    failure: Failure | None = None
    private: tuple[str, ...] = ()


@dataclass(frozen=True)
class SessionRow:
    """One session in the dataset's table; `message` says why it is not done, `link` is relative to the page."""

    session: str
    outcome: Outcome
    stage: str = ""
    message: str = ""
    n_units: int | None = None
    n_bins: int | None = None
    bin_size: float | None = None
    duration: float | None = None
    n_warnings: int = 0
    has_page: bool = True


@dataclass(frozen=True)
class DatasetReport:
    """Everything on a dataset's page.

    Parameters
    ----------
    dataset
        Its name.
    sessions
        Every session of the table, done or not.
    models
        Models in the order of the config; only name, method and sizes are read.
    scores
        Rows of all sessions' scores.csv, with their columns.
    provenance, warnings, private
        As in `SessionReport`.
    sweeps
        Name of a sweep → name of a member → the values that make it.
    """

    dataset: str
    sessions: tuple[SessionRow, ...]
    models: tuple[ModelReport, ...] = ()
    scores: pd.DataFrame | None = None
    provenance: Provenance = Provenance()
    warnings: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    sweeps: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
