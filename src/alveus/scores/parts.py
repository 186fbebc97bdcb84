"""The split of a dataset to the bins of each part."""

import numpy as np
from numpy.typing import NDArray

TRAIN, VALIDATION, TEST = 0, 1, 2
MIN_BINS = 20  # in training and in test; below, every score of held-out bins is noise


def bins_of(split: NDArray[np.integer], part: int) -> NDArray[np.intp]:
    """Bins of a part, in the order of time."""
    return np.flatnonzero(split == part)


def too_few_bins(split: NDArray[np.integer]) -> str:
    """Why nothing can be fitted on training and scored on test bins; empty when it can.

    >>> too_few_bins(np.array([0] * 700 + [2] * 3))
    '3 test bins, at least 20 are needed'
    """
    for name, part in (("training", TRAIN), ("test", TEST)):
        n = int(np.count_nonzero(split == part))
        if n < MIN_BINS:
            return f"{n} {name} bins, at least {MIN_BINS} are needed"
    return ""
