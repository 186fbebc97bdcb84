"""Turns trials in seconds into trials in bins, and says which of them were observed."""

import numpy as np
from numpy.typing import NDArray

from alveus.preprocessing.behavior import SAME_TIME
from alveus.preprocessing.grid import Bins
from alveus.recording import Finding, Trials


def trial_bins(trials: Trials, bins: Bins) -> NDArray[np.int64]:
    """Return the bins [i0, i1) whose centre lies within each trial, (n_trials, 2)."""
    return np.stack([bins.index_at(trials.start), bins.index_at(trials.stop)], axis=1)


def mark_observed(trials: Trials, bins: Bins) -> tuple[Trials, tuple[Finding, ...]]:
    """Return the trials with a column ``observed``, true where a trial lies wholly within one run of bins.

    A column of that name in the source is kept as ``source_observed``.
    """
    start, stop = bins.spans().T
    run = np.maximum(np.searchsorted(start, trials.start + SAME_TIME, side="right") - 1, 0)
    observed = (trials.start >= start[run] - SAME_TIME) & (trials.stop <= stop[run] + SAME_TIME)
    columns = {"source_observed" if name == "observed" else name: c for name, c in trials.columns.items()}
    marked = Trials(trials.start, trials.stop, {**columns, "observed": observed})
    missed = int((~observed).sum())
    if not missed:
        return marked, ()
    message = f"{missed} of {observed.size} trials do not lie wholly within observed bins: marked, not dropped"
    return marked, (Finding("trials_unobserved", missed, message),)
