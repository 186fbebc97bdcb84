"""Behaviour to factors of variation: one number a bin each, with what can be asked of it and what cannot."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alveus.scores.covariate import Covariate
from alveus.scores.decoding import MAX_LABELS, MIN_BINS
from alveus.scores.disentanglement.discretise import Codes, n_levels, quantile_codes
from alveus.scores.disentanglement.mutual_information import histograms, mutual_information
from alveus.scores.nulls import circular_shifts
from alveus.scores.parts import TEST, TRAIN, bins_of
from alveus.scores.rows import Status
from alveus.scores.settings import ScoreSettings

MAX_BINS = 10_000  # of training and of test, evenly spaced: neighbours add little, and every null scores them all
MAX_SELF_TOLD = 1 / 3  # of a factor's entropy, told by itself after a shift: beyond, shifts are no null for it
CORRELATED = 0.3  # beyond, no latents can tell two factors apart perfectly

Floats = NDArray[np.float64]
Bins = NDArray[np.intp]


@dataclass(frozen=True)
class Factor:
    """One covariate, or one component of it.

    Parameters
    ----------
    name
        Of the covariate.
    kind
        As of the covariate.
    known
        (n_bins,) where it has a value.
    values
        (n_bins,) the value, for circular ones as share of the circle, for categories the code; 0 where missing.
    targets
        (n_bins, n_targets) what regressions predict: the value, cosine and sine, or indicators.
    """

    name: str
    kind: Literal["continuous", "circular", "categorical"]
    known: NDArray[np.bool_]
    values: Floats
    targets: Floats

    def codes(self, levels: int, reference: Bins) -> Codes:
        """Give each bin its level (n_bins,): quantiles over reference bins, equal arcs, or the category."""
        if self.kind == "categorical":
            return self.values.astype(np.intp)
        if self.kind == "circular":
            return np.minimum((self.values * levels).astype(np.intp), levels - 1)
        return quantile_codes(self.values, levels, self.values[reference])


@dataclass(frozen=True)
class LeftOut:
    """A covariate that is no factor, and why."""

    name: str
    status: Status
    why: str


@dataclass(frozen=True)
class Factors:
    """Factors, the bins to use and the shifts of the nulls.

    Parameters
    ----------
    items
        The factors.
    left_out
        Covariates that are none.
    train, test
        Bins to fit on and bins to score, ascending.
    shifts
        By how many bins the factors are shifted for floors.
    """

    items: tuple[Factor, ...]
    left_out: tuple[LeftOut, ...]
    train: Bins
    test: Bins
    shifts: tuple[int, ...]

    def correlated(self) -> list[tuple[str, str, float]]:
        """Pairs whose largest canonical correlation over test bins exceeds 0.3, which for two numbers is |r|."""
        found = []
        for i, one in enumerate(self.items):
            for other in self.items[i + 1 :]:
                both = self.test[one.known[self.test] & other.known[self.test]]
                r = canonical_correlation(one.targets[both], other.targets[both])
                if r > CORRELATED:
                    found.append((one.name, other.name, r))
        return found

    def as_latents(self) -> Floats:
        """Return the factors themselves (n_bins, n_factors): the best latents that could be."""
        return np.column_stack([factor.values for factor in self.items])


def make_factors(
    behavior: Mapping[str, Covariate], split: NDArray[np.integer], settings: ScoreSettings
) -> Factors:
    """Split covariates of several components, leave out those without meaning, and draw the shifts.

    Parameters
    ----------
    behavior
        Covariates by name.
    split
        (n_bins,) 0 training, 1 validation, 2 test, −1 gap.
    settings
        Of the shifts.

    Returns
    -------
    Factors
    """
    train, test = (_evenly(bins_of(split, part)) for part in (TRAIN, TEST))
    items: list[Factor] = []
    left_out: list[LeftOut] = []
    for name, covariate in _components(behavior):
        if covariate.kind == "categorical" and covariate.n_labels > MAX_LABELS:
            why = f"{covariate.n_labels} categories are a running number, not categories"
            left_out.append(LeftOut(name, "not defined", why))
            continue
        factor = _factor(name, covariate)
        n = min(int(factor.known[part].sum()) for part in (train, test))
        inside = factor.targets[test[factor.known[test]]]
        if n < MIN_BINS:
            why = f"{n} training or test bins with a value, at least {MIN_BINS} are needed"
            left_out.append(LeftOut(name, "not estimable", why))
        elif np.all(inside == inside[0]):
            left_out.append(LeftOut(name, "not defined", "constant over the test bins"))
        else:
            items.append(factor)
    shifts: list[int] = []
    if items:
        shifts = circular_shifts(np.column_stack([f.targets for f in items]), settings, "disentanglement")
    usable = []
    for factor in items:
        own = circular_shifts(factor.targets, settings, "disentanglement", factor.name)
        told = _self_told(factor, test, own)
        if told > MAX_SELF_TOLD:
            why = (
                f"after circular shifts it still tells {told:.0%} of itself: it repeats or drifts, and has no null"
            )
            left_out.append(LeftOut(factor.name, "not estimable", why))
        else:
            usable.append(factor)
    return Factors(tuple(usable), tuple(left_out), train, test, tuple(shifts))


def canonical_correlation(a: Floats, b: Floats) -> float:
    """Largest canonical correlation of two sets of columns; 0 where one of them is constant.

    References
    ----------
    Hotelling (1936), Relations between two sets of variates, Biometrika 28.
    """
    if len(a) <= a.shape[1] + b.shape[1]:
        return 0.0
    bases = []
    for x in (a, b):
        left, size, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
        bases.append(left[:, size > 1e-6 * max(size[0], 1e-300)] if size[0] > 0 else left[:, :0])
    if not all(basis.shape[1] for basis in bases):
        return 0.0
    return float(min(1.0, np.linalg.svd(bases[0].T @ bases[1], compute_uv=False)[0]))


def _self_told(factor: Factor, test: Bins, shifts: list[int]) -> float:
    """Share of a factor's entropy that its shifted self tells, mean over shifts; near 1 if periodic or a ramp."""
    here = test[factor.known[test]]
    codes = factor.codes(n_levels(here.size), here)
    n_codes = int(codes.max()) + 1
    share = []
    for shift in (0, *shifts):
        there = (here + shift) % len(codes)
        both = factor.known[there]
        if both.any():
            joint = histograms(codes[there[both], None], codes[here[both]], n_codes, n_codes)
            share.append(float(mutual_information(joint)[0]))
    return float(np.mean(share[1:])) / share[0] if len(share) > 1 else 0.0


def _evenly(bins: Bins) -> Bins:
    if bins.size <= MAX_BINS:
        return bins
    return bins[np.linspace(0, bins.size - 1, MAX_BINS).astype(np.intp)]


def _components(behavior: Mapping[str, Covariate]) -> list[tuple[str, Covariate]]:
    found = []
    for name, covariate in behavior.items():
        if covariate.values.ndim == 1 or covariate.values.shape[1] == 1:
            flat = covariate.values.reshape(len(covariate.values))
            found.append((name, Covariate(flat, covariate.kind, covariate.period, covariate.labels)))
            continue
        for i, column in enumerate(covariate.values.T):
            found.append(
                (f"{name} {i + 1}", Covariate(column, covariate.kind, covariate.period, covariate.labels))
            )
    return found


def _factor(name: str, covariate: Covariate) -> Factor:
    targets, known = covariate.targets()
    values = np.where(known, covariate.values, 0).astype(np.float64)
    if covariate.kind == "circular":
        values = values / (covariate.period or 2 * np.pi) % 1.0
    return Factor(name, covariate.kind, known, values, targets)
