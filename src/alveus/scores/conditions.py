"""Prior means of bins to the bins of each condition, where a prior knows a few conditions and no more."""

import numpy as np
from numpy.typing import NDArray

MIN_BINS = 20  # of a condition, on average; with fewer there is no mixture to speak of
SAME = 1e-5  # of the prior's standard deviation; one network gives one condition the same mean up to rounding
WEIGHTS = np.sqrt(2.0)  # irrational steps, so that different means have different sums


def conditions_by_mean(
    prior_mean: NDArray[np.floating], prior_variance: NDArray[np.floating]
) -> list[NDArray[np.intp]] | None:
    """Sort bins by the prior that holds for them.

    Parameters
    ----------
    prior_mean
        (n_bins, n_latents).
    prior_variance
        (n_latents,) on average.

    Returns
    -------
    list of NDArray
        Bins of each condition, rising; None where they are too many, as with a continuous covariate.
    """
    scaled = np.asarray(prior_mean, np.float64) / np.sqrt(prior_variance)
    line = scaled @ (1 + np.arange(scaled.shape[1]) * (WEIGHTS - 1) % 1)
    order = np.argsort(line, kind="stable")
    starts = np.flatnonzero(np.diff(line[order]) > SAME) + 1
    groups = [np.sort(group) for group in np.split(order, starts)]
    if len(groups) * MIN_BINS > len(line):
        return None
    # many close values can form a chain: that is a continuous covariate, not a condition
    alike = all(np.ptp(scaled[group], axis=0).max() <= 100 * SAME for group in groups)
    return groups if alike else None
