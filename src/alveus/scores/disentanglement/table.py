"""Latents of all seeds and behaviour to the rows of all scores of disentanglement."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from alveus.scores.covariate import Covariate
from alveus.scores.disentanglement.dci import (
    completeness_per_factor,
    dci_completeness,
    dci_disentanglement,
    disentanglement_per_latent,
    importance,
)
from alveus.scores.disentanglement.explicitness import explicitness
from alveus.scores.disentanglement.factors import CORRELATED, Factors, make_factors
from alveus.scores.disentanglement.information import information
from alveus.scores.disentanglement.mig import mig, mig_per_factor
from alveus.scores.disentanglement.modularity import modularity, modularity_per_latent
from alveus.scores.disentanglement.relation import Relation, shares_of
from alveus.scores.disentanglement.sap import predictability, sap, sap_per_factor
from alveus.scores.intervals import mean_interval
from alveus.scores.nulls import SHIFT_FLOOR, floor_of
from alveus.scores.parts import too_few_bins
from alveus.scores.rows import Row, not_defined, not_estimable, with_note
from alveus.scores.settings import ScoreSettings

GUARDED = ("modularity", "dci_disentanglement", "dci_completeness")
"""Entries that any shift reaches count as 0 there. A table of noise in which one entry is left scores 1, as some
of 20 do, so that their largest says nothing: the floor is interpolated."""

PER_FACTOR = ("mig", "dci_completeness", "dci_informativeness", "sap", "explicitness")
PER_LATENT = ("dci_disentanglement", "modularity")
SCORES = (
    "mig",
    "dci_disentanglement",
    "dci_completeness",
    "dci_informativeness",
    "sap",
    "modularity",
    "explicitness",
)
PAIRS = "covariate_information"
MIN_SHIFTS = 5  # with fewer, nothing could be told from slow signals that go together by chance
MAX_PAIRS = 16  # of latent and covariate with the most information, for each seed
MAX_LATENTS = 16  # with a row of their own, for each seed
NOTHING = "no latent tells of any covariate more than circular shifts do"

Floats = NDArray[np.float64]


def disentanglement_rows(
    mean: NDArray[np.floating],
    behavior: Mapping[str, Covariate],
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *,
    names: Sequence[str],
    active: NDArray[np.bool_] | None = None,
) -> list[Row]:
    """Score how far single latents stand for single covariates.

    Parameters
    ----------
    mean
        (n_seeds, n_bins, n_latents), finite.
    behavior
        Covariates by name, in the same bins; a covariate of several components counts as several.
    split
        (n_bins,) 0 training, 1 validation, 2 test, −1 gap.
    settings
        Of floors and intervals.
    names
        Of the latents.
    active
        (n_seeds, n_latents); an inactive latent counts as constant, for quantiles and regressions would
        magnify what is left of it. None: all are active.

    Returns
    -------
    list of Row
        None without behaviour. Target empty for the whole table, else a covariate, a latent, or both.
    """
    if not behavior:
        return []
    if why := too_few_bins(split):
        return [not_estimable(score, why) for score in SCORES]
    factors = make_factors(behavior, split, settings)
    rows = [
        Row(score, left.name, status=left.status, note=left.why)
        for left in factors.left_out
        for score in PER_FACTOR
    ]
    if not factors.items:
        return [not_defined(score, "no covariate that could be told") for score in SCORES] + rows
    if len(factors.shifts) < MIN_SHIFTS:
        why = f"{len(factors.shifts)} circular shifts, at least {MIN_SHIFTS} are needed"
        return [not_estimable(score, why) for score in SCORES] + rows
    note = _correlation_note(factors)
    for seed, z in enumerate(mean):
        used = z if active is None else np.where(active[seed], z, 0.0)
        rows += _Seed(used, factors, settings, tuple(names), seed, note).rows()
    return rows


def _correlation_note(factors: Factors) -> str:
    """Say which factors go together and what perfect latents would score in spite of that."""
    pairs = factors.correlated()
    if not pairs:
        return ""
    one, other, r = max(pairs, key=lambda pair: pair[2])
    best = factors.as_latents()
    told, alone = information(best, factors), predictability(best, factors).values
    weights = importance(best, factors).relation.believable().values
    reached = {
        "mig": mig(told.values),
        "sap": sap(alone),
        "modularity": modularity(told.believable().values),
        "dci_disentanglement": dci_disentanglement(weights),
        "dci_completeness": dci_completeness(weights),
    }
    return (
        f"{len(pairs)} pairs of covariates correlate beyond {CORRELATED}, most {one} and {other} ({r:.2f}); the "
        "covariates themselves as latents would score " + ", ".join(f"{s} {v:.2f}" for s, v in reached.items())
    )


def _entry(parts: Callable[[Floats], Floats], index: int) -> Callable[[Floats], float]:
    """Make the function that gives one entry of what `parts` gives; 0 where that is NaN."""
    return lambda table: float(np.nan_to_num(parts(table)[index]))


class _Seed:
    """Scores of one seed."""

    def __init__(
        self,
        latents: NDArray[np.floating],
        factors: Factors,
        settings: ScoreSettings,
        names: tuple[str, ...],
        seed: int,
        note: str,
    ) -> None:
        self.latents, self.factors, self.settings = latents, factors, settings
        self.names, self.seed, self.note = names, seed, note
        self.targets = tuple(factor.name for factor in factors.items)

    def rows(self) -> list[Row]:
        """Compute all rows, score by score."""
        told = information(self.latents, self.factors)
        weighed = importance(self.latents, self.factors)
        read = explicitness(self.latents, self.factors)
        believed, weights = told.believable(), weighed.relation.believable()
        return [
            *self._gaps("mig", mig, mig_per_factor, told),
            *self._modules("dci_disentanglement", dci_disentanglement, disentanglement_per_latent, weights),
            *self._completeness(weights),
            *self._per_factor("dci_informativeness", weighed.r2, weighed.r2_shares, weighed.r2_shifted),
            *self._gaps("sap", sap, sap_per_factor, predictability(self.latents, self.factors)),
            *self._modules("modularity", modularity, modularity_per_latent, believed),
            *self._per_factor("explicitness", read.values, read.shares, read.shifted),
            *self._pairs(told),
        ]

    def _row(self, score: str, target: str, shares: Floats, null: Floats, *notes: str) -> Row:
        interval = mean_interval(shares, self.settings, score, target, self.seed)
        floor = floor_of(null.tolist(), method="linear" if score in GUARDED else "higher")
        value = float(shares.mean())
        least = {"dci_informativeness": -np.inf, "explicitness": -1.0}.get(score, 0.0)
        low, high = (
            None if end is None else float(np.clip(end, least, 1.0)) for end in (interval.low, interval.high)
        )
        row = Row(score, target, self.seed, value, low, high, floor, SHIFT_FLOOR)
        return with_note(row, *notes, interval.note)

    def _of_table(
        self, score: str, target: str, function: Callable[[Floats], float], relation: Relation, *notes: str
    ) -> Row:
        shares = shares_of(function, relation, self.factors.test.size)
        null = np.array([function(table) for table in relation.shifted])
        return self._row(score, target, shares, null, *notes)

    def _counted(self) -> str:
        return (
            f"mean over {len(self.targets)} covariates" if len(self.targets) > 1 else f"of {self.targets[0]} alone"
        )

    def _gaps(
        self,
        score: str,
        whole: Callable[[Floats], float],
        parts: Callable[[Floats], Floats],
        relation: Relation,
    ) -> list[Row]:
        if len(self.names) < 2:
            return [not_defined(score, "a gap needs a second latent", seed=self.seed)]
        rows = [self._of_table(score, "", whole, relation, self._counted(), self.note)]
        for k, target in enumerate(self.targets):
            rows.append(self._of_table(score, target, _entry(parts, k), relation))
        return rows

    def _modules(
        self,
        score: str,
        whole: Callable[[Floats], float],
        parts: Callable[[Floats], Floats],
        relation: Relation,
    ) -> list[Row]:
        if len(self.targets) < 2:
            why = f"with {self.targets[0]} alone every latent tells of one covariate at most"
            return [not_defined(score, why, seed=self.seed)]
        telling = np.flatnonzero(relation.values.sum(axis=1) > 0)
        count = f"{telling.size} of {len(self.names)} latents tell of a covariate" if telling.size else NOTHING
        rows = [self._of_table(score, "", whole, relation, count, self.note)]
        return rows + [
            self._of_table(score, self.names[j], _entry(parts, int(j)), relation) for j in telling[:MAX_LATENTS]
        ]

    def _completeness(self, relation: Relation) -> list[Row]:
        score = "dci_completeness"
        if len(self.names) < 2:
            return [not_defined(score, "one latent is always complete", seed=self.seed)]
        told = relation.values.sum(axis=0) > 0
        count = f"{int(told.sum())} of {len(self.targets)} covariates are told of" if told.any() else NOTHING
        rows = [self._of_table(score, "", dci_completeness, relation, count, self.note)]
        for k, target in enumerate(self.targets):
            if not told[k]:
                rows.append(
                    not_defined(score, NOTHING.replace("any covariate", "it"), target=target, seed=self.seed)
                )
                continue
            rows.append(self._of_table(score, target, _entry(completeness_per_factor, k), relation))
        return rows

    def _per_factor(self, score: str, values: Floats, shares: Floats, shifted: Floats) -> list[Row]:
        kind = "1 - SSE/SST" if score == "dci_informativeness" else "2 AUC - 1"
        rows = [self._row(score, "", shares.mean(axis=0), shifted.mean(axis=1), kind, self._counted())]
        for k, target in enumerate(self.targets[: len(values)]):
            rows.append(self._row(score, target, shares[k], shifted[:, k], kind))
        return rows

    def _pairs(self, relation: Relation) -> list[Row]:
        flat = np.argsort(-relation.values, axis=None, kind="stable")[:MAX_PAIRS]
        rows = []
        for j, k in zip(*np.unravel_index(np.sort(flat), relation.values.shape), strict=True):
            target = f"{self.names[j]}: {self.targets[k]}"
            rows.append(self._row(PAIRS, target, relation.share(int(j), int(k)), relation.shifted[:, j, k]))
        return rows
