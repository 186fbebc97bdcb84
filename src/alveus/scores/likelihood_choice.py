"""Counts and the rates that latents give them to whether they vary more than Poisson, and what that is worth."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from alveus.scores.intervals import mean_interval
from alveus.scores.parts import TEST, TRAIN, bins_of, too_few_bins
from alveus.scores.readout import fit_readout
from alveus.scores.rows import Row, not_estimable, with_note
from alveus.scores.settings import ScoreSettings

MAX_BINS = 10_000  # of training and of test, evenly spaced: the floor draws as many again for each null
LEAST_DISPERSION = 1e-4  # below, a negative binomial is a Poisson distribution to all digits that matter
POISSON_FLOOR = "95th percentile of Poisson counts drawn at these rates"

Floats = NDArray[np.float64]


def likelihood_choice(
    features: NDArray[np.floating],
    counts: NDArray[np.integer],
    split: NDArray[np.integer],
    settings: ScoreSettings,
    *,
    given: str,
) -> list[Row]:
    """Whether counts are negative binomial rather than Poisson, given rates that follow from features.

    Rates are those of the common Poisson readout. A unit's counts then have variance λ + αλ² with
    α = Σ((x − λ)² − x) / Σλ² over training bins, at least 0. The gain is the log-likelihood of test bins under
    that, less the one under Poisson. Changes of rate that the features miss count as variance too; features that
    saw these very counts follow their noise, and hide variance: use features of other units.

    Parameters
    ----------
    features
        (n_bins, n_features) what rates may depend on.
    counts
        (n_bins, n_units).
    split
        (n_bins,).
    settings
        Of floor and interval; as many null sets are drawn as there are shifts elsewhere.
    given
        Name of the features.

    Returns
    -------
    list of Row
        ``fano_factor``: Σ(x − λ)²/Σλ over test bins, the median over units; and ``log_likelihood``: the gain
        [nats per bin], above its floor where a negative binomial likelihood is worth its parameters.

    References
    ----------
    Cameron & Trivedi (1990), Regression-based tests for overdispersion in the Poisson model, J. Econometrics 46.
    """
    fano, gained = f"given {given}", f"negative binomial less Poisson, given {given}"
    if why := too_few_bins(split):
        return [
            not_estimable("fano_factor", why, target=fano),
            not_estimable("log_likelihood", why, target=gained),
        ]
    readout = fit_readout(features, counts, bins_of(split, TRAIN))
    train, test = (_spread(bins_of(split, part)) for part in (TRAIN, TEST))
    x, y = (counts[bins][:, readout.units].astype(np.float64) for bins in (train, test))
    rate_x, rate_y = (readout.rates(features[bins]) for bins in (train, test))
    spoke = rate_y.sum(axis=0) > 0
    if not y.any():
        why = "no spike in the test bins"
        return [
            not_estimable("fano_factor", why, target=fano),
            not_estimable("log_likelihood", why, target=gained),
        ]
    ratios = np.square(y - rate_y).sum(axis=0)[spoke] / rate_y.sum(axis=0)[spoke]
    dispersion = _dispersion(x, rate_x)
    gain = _gain(y, rate_y, dispersion)
    rng = settings.generator("poisson", "likelihood_choice")
    null_values = [
        float(_gain(rng.poisson(rate_y), rate_y, _dispersion(rng.poisson(rate_x), rate_x)).mean())
        for _ in range(settings.shifts)
    ]
    interval = mean_interval(gain, settings, "log_likelihood", gained)
    floor = float(np.percentile(null_values, 95)) if null_values else None
    row = Row(
        "log_likelihood",
        gained,
        None,
        float(gain.mean()),
        interval.low,
        interval.high,
        floor,
        POISSON_FLOOR if floor is not None else "",
    )
    wider = int((dispersion > LEAST_DISPERSION).sum())
    return [
        Row("fano_factor", fano, value=float(np.median(ratios)), note="median over units; 1 for Poisson counts"),
        with_note(row, "nats per bin", f"{wider} of {dispersion.size} units wider than Poisson", interval.note),
    ]


def _dispersion(x: Floats | NDArray[np.int64], rate: Floats) -> Floats:
    """Variance beyond Poisson in units of the squared rate, (n_units,)."""
    return np.asarray((np.square(x - rate) - x).sum(axis=0) / np.square(rate).sum(axis=0)).clip(0)


def _gain(x: Floats | NDArray[np.int64], rate: Floats, dispersion: Floats) -> Floats:
    """Log-likelihood of bins under negative binomial less that under Poisson, summed over units, (n_bins,)."""
    wide = dispersion > LEAST_DISPERSION
    x, rate, size = x[:, wide], rate[:, wide], 1 / dispersion[wide]
    log_p = np.log(rate + size)
    negative_binomial = gammaln(x + size) - gammaln(size) + size * (np.log(size) - log_p) - x * log_p
    return np.asarray((negative_binomial + rate).sum(axis=1))  # x log λ and log x! are in both


def _spread(bins: NDArray[np.intp]) -> NDArray[np.intp]:
    return bins[np.linspace(0, bins.size - 1, min(bins.size, MAX_BINS)).astype(np.intp)]
