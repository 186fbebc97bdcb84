"""A recording to a session in bins: grid, counts, behaviour at bin centres, units, trials, split."""

from alveus.preprocessing.behavior import ResampledBehavior
from alveus.preprocessing.prepare import prepare
from alveus.preprocessing.prepared import Prepared, ResampledTruth
from alveus.preprocessing.tally import CountOverflow

__all__ = ["CountOverflow", "Prepared", "ResampledBehavior", "ResampledTruth", "prepare"]
