"""Latents of the same bins from two models, or from fits to two halves of a session, to their agreement."""

import numpy as np
from numpy.typing import NDArray

from alveus.errors import ArtefactError
from alveus.scores.identifiability.pairs import SCORES, compare_pairs
from alveus.scores.identifiability.seeds import MAX_LATENTS, active_in, pair_rows
from alveus.scores.parts import TEST, bins_of, too_few_bins
from alveus.scores.rows import Row, not_estimable
from alveus.scores.settings import ScoreSettings


def comparison_rows(
    one: NDArray[np.floating],
    other: NDArray[np.floating],
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *,
    target: str,
) -> list[Row]:
    """Compare latents of two models, or of one model fitted to either half of a session, in the same test bins.

    Parameters
    ----------
    one, other
        (n_bins, n_latents) each; the numbers of latents may differ. Each latent is divided by its standard
        deviation: two methods have no unit of measure in common.
    split
        (n_bins,).
    settings
        Of nulls and resamples.
    target
        Name of the other: ``pca``, ``second half``.

    Returns
    -------
    list of Row
        As across seeds, of the one pair; intervals hold what time adds.

    Raises
    ------
    ArtefactError
        When the sets are not of the same bins, or not finite.
    """
    if not len(one) == len(other) == len(split):
        raise ArtefactError(
            f"latents of {len(one)} and of {len(other)} bins and a split of {len(split)} cannot be compared: "
            "encode the same dataset with both models"
        )
    bad = sum(int(np.count_nonzero(~np.isfinite(latents))) for latents in (one, other))
    if bad:
        raise ArtefactError(f"{bad} numbers of the latents to compare with {target} are not finite: fit it again")
    if why := too_few_bins(split):
        return [not_estimable(score, why, target=target) for score in SCORES]
    test = bins_of(split, TEST)
    sets = []
    for latents in (one, other):
        alive = latents[:, active_in(latents[None], test, None)[0]]
        if not 0 < alive.shape[1] <= MAX_LATENTS:
            why = f"{alive.shape[1]} latents vary; from 1 to {MAX_LATENTS} can be compared"
            return [not_estimable(score, why, target=target) for score in SCORES]
        sets.append(alive / alive[test].std(axis=0, dtype=np.float64))
    pairs = compare_pairs(sets, split, settings, target, isotropic=False)
    return pair_rows(pairs, 2, target=target)
