"""Rise and decay that explain simulated traces with the fewest events are those they were made with."""

import numpy as np
import pytest

from alveus.calcium.coefficients import FITTED, NO_TRANSIENTS
from alveus.calcium.transients import DECAYS, RISES, find_transients


def nearest(grid, value):
    return int(np.argmin(abs(np.log(grid / value))))


@pytest.mark.parametrize(
    ("rate", "decay", "rise"),
    [(30.0, 0.68, 0.04), (30.0, 0.16, 0.02), (150.0, 0.42, 0.04), (150.0, 0.1, 0.005), (7.5, 1.8, 0.16)],
)
def test_they_are_found_within_a_step_of_the_grid(simulated, rate, decay, rise):
    _, y = simulated.simulate(
        np.random.default_rng(0), 8, 20_000 / rate, rate, decay, rise, noise=0.15, firing=0.3
    )
    found = find_transients(y, rate, np.array([0, y.shape[1]]), np.full(8, 0.15))
    assert (found.reason == FITTED).all()
    assert abs(nearest(DECAYS, np.median(found.decay)) - nearest(DECAYS, decay)) <= 1
    assert abs(nearest(RISES, np.median(found.rise)) - nearest(RISES, rise)) <= 1


def test_bursts_do_not_lengthen_the_decay(simulated):
    rng = np.random.default_rng(1)
    bursting = np.repeat(rng.random((10, 300)) < 0.1, 60, axis=1)  # half a minute in ten: two seconds at a time
    spikes = rng.poisson(np.where(bursting, 4.0, 0.05) / 30.0).astype(float)
    y = simulated.transients(spikes, 30.0, 0.42, 0.04) + 0.15 * rng.normal(size=spikes.shape)
    found = find_transients(y, 30.0, np.array([0, y.shape[1]]), np.full(10, 0.15))
    assert 0.26 <= np.median(found.decay) <= 0.68


def test_a_known_rise_is_kept(simulated):
    _, y = simulated.simulate(np.random.default_rng(2), 3, 200, 60.0, 0.7, 0.04, noise=0.15)
    bounds = np.array([0, y.shape[1]])
    assert (find_transients(y, 60.0, bounds, np.full(3, 0.15), rise=np.full(3, 0.03)).rise == 0.03).all()


def test_noise_has_no_transients_and_says_so():
    y = np.random.default_rng(3).normal(size=(4, 50_000))
    assert (find_transients(y, 30.0, np.array([0, 50_000]), np.ones(4)).reason == NO_TRANSIENTS).all()
    assert (find_transients(y, 30.0, np.array([0, 50_000]), np.full(4, np.nan)).reason == NO_TRANSIENTS).all()
