"""p-values of many targets to p-values that hold for all of them together."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import false_discovery_control

from alveus.scores.rows import Row, with_note


def holm(p: Sequence[float]) -> NDArray[np.float64]:
    """Correct p-values so that the chance of any false claim among them stays below the level.

    Needs no independence: targets such as position and speed are related.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure, Scand. J. Stat. 6.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, np.float64)
    order = np.argsort(values, kind="stable")
    raised = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(raised, 1.0)
    return corrected


def benjamini_yekutieli(p: Sequence[float]) -> NDArray[np.float64]:
    """Correct p-values so that the expected share of false claims stays below the level, whatever depends on what.

    For long lists, such as all pairs of latents and covariates, of which some may be wrong.

    References
    ----------
    Benjamini & Yekutieli (2001), The control of the false discovery rate under dependency, Ann. Stat. 29.
    """
    return np.asarray(false_discovery_control(p, method="by"))


def with_p_values(rows: Sequence[Row]) -> list[Row]:
    """Write each row's p-value into its note, and what Holm's correction makes of it across targets.

    A family is the rows of one seed with a p-value, of whichever score.
    """
    noted = list(rows)
    seeds = {row.seed for row in rows if row.p is not None}
    for seed in seeds:
        family = [i for i, row in enumerate(rows) if row.seed == seed and row.p is not None]
        raw = [p for i in family if (p := rows[i].p) is not None]
        for i, own, corrected in zip(family, raw, holm(raw), strict=True):
            text = f"p = {own:.2g}"
            if len(family) > 1:
                text += f", {corrected:.2g} after Holm over {len(family)} targets"
            noted[i] = with_note(replace(rows[i], p=None), text)
    return noted
