"""Bootstrap samples of all pairs of seeds to an interval in which seeds and time both vary."""

import numpy as np
from scipy.special import ndtri, stdtrit

from alveus.scores.identifiability.agreement import Floats
from alveus.scores.identifiability.halves import Blocks
from alveus.scores.intervals import Interval

MIN_SEEDS = 3  # of two seeds there is one pair, and nothing to tell how another pair would differ
ONE_PAIR = "the interval holds what time adds, not what other seeds would"


def pair_interval(drawn: Floats, pairs: list[tuple[int, int]], n_seeds: int, blocks: Blocks) -> Interval:
    """Compute the interval of a mean over pairs of seeds.

    What time adds comes from blocks of bins drawn with replacement, the same for all pairs; the distances of the
    percentiles from the samples' mean are widened as in `ratio_interval`. What seeds add comes from
    leaving out each seed with all its pairs (the jackknife of a U-statistic; pairs that share a seed are not
    independent), times Student's t with n_seeds − 1 degrees of freedom. The two are independent: their distances
    add as squares. The upper end is at most 1.

    Parameters
    ----------
    drawn
        (n_pairs, 1 + resamples) estimates, and bootstrap samples.
    pairs
        Seeds of each pair.
    n_seeds
        How many seeds.
    blocks
        That were drawn.

    References
    ----------
    Arvesen (1969), Jackknifing U-statistics, Ann. Math. Stat. 40.
    """
    if why := blocks.too_few:
        return Interval(None, None, why)
    over_pairs = drawn.mean(axis=0)
    estimate = over_pairs[0]
    n_blocks = blocks.half.size
    widening = stdtrit(n_blocks - 1, 0.975) / ndtri(0.975) * np.sqrt(n_blocks / (n_blocks - 1))
    # drawn blocks agree more, or less, than all of them do: chance that the estimate has once they have twice
    low, high = widening * (np.percentile(over_pairs[1:], [2.5, 97.5]) - over_pairs[1:].mean())
    seeds = jackknife_error(drawn[:, 0], pairs, n_seeds)
    reach = 0.0 if seeds is None else stdtrit(n_seeds - 1, 0.975) * seeds
    return Interval(
        float(estimate - np.hypot(min(low, 0.0), reach)),
        float(min(max(estimate, 1.0), estimate + np.hypot(max(high, 0.0), reach))),
        ONE_PAIR if seeds is None else "",
    )


def jackknife_error(values: Floats, pairs: list[tuple[int, int]], n_seeds: int) -> float | None:
    """Estimate the standard error of the mean over pairs; None with fewer than three seeds.

    >>> values = np.array([0.9, 0.5, 0.5])  # the third seed is unlike the others
    >>> round(jackknife_error(values, [(0, 1), (0, 2), (1, 2)], 3), 3)
    0.267
    """
    if n_seeds < MIN_SEEDS:
        return None
    without = np.array(
        [
            np.mean([v for v, pair in zip(values, pairs, strict=True) if seed not in pair])
            for seed in range(n_seeds)
        ]
    )
    return float(np.sqrt((n_seeds - 1) / n_seeds * ((without - without.mean()) ** 2).sum()))
