"""Time constants to coefficients in closed form, and found again in traces that were made with them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveus.calcium.coefficients import NO_TRANSIENTS, TOO_SHORT, coefficients, estimate_time_constants
from alveus.errors import SettingError


@given(st.floats(0.05, 5), st.floats(0.0, 0.9), st.floats(2, 500))
def test_the_difference_of_two_exponentials_obeys_the_recursion(decay, share, rate):
    rise = share * decay
    d, r = coefficients(decay, rise, rate)
    t = np.arange(3, 40) / rate
    h = lambda t: np.exp(-t / decay) - (np.exp(-t / rise) if rise > 0.001 else 0.0)  # noqa: E731
    if rise > 0.001:
        np.testing.assert_allclose(h(t), (d + r) * h(t - 1 / rate) - d * r * h(t - 2 / rate), atol=1e-12)
    assert 0 <= r < d < 1


def test_impossible_time_constants_are_refused():
    with pytest.raises(SettingError, match="rise faster"):
        coefficients(0.3, 0.5, 30.0)
    with pytest.raises(SettingError, match="positive"):
        coefficients(0.0, 0.0, 30.0)
    with pytest.raises(SettingError, match="frame rate"):
        coefficients(1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("rate", "decay", "rise"),
    [(30.0, 0.7, 0.0), (30.0, 0.3, 0.0), (7.5, 1.5, 0.0), (150.0, 1.2, 0.1), (60.0, 0.15, 0.02)],
)
@pytest.mark.parametrize("noise", [0.1, 0.6])
def test_the_decay_is_found_again(simulated, rate, decay, rise, noise):
    _, y = simulated.simulate(np.random.default_rng(0), 40, 600, rate, decay, rise, noise)
    found = estimate_time_constants(y, rate, order=2 if rise else 1)
    assert not found.reason.any()
    assert np.median(found.decay) == pytest.approx(decay, rel=0.1)
    if rise:
        assert np.median(found.rise) == pytest.approx(rise, rel=0.3 if noise < 0.5 else 0.5)
    else:
        assert not found.rise.any()


def test_slow_drift_does_not_lengthen_the_decay(simulated):
    rng = np.random.default_rng(1)
    _, y = simulated.simulate(rng, 30, 600, 30.0, 0.7)
    y += 0.3 * np.cumsum(rng.normal(size=y.shape), axis=1) / np.sqrt(60 * 30)
    assert np.median(estimate_time_constants(y, 30.0).decay) == pytest.approx(0.7, rel=0.1)


def test_trials_as_segments_give_the_decay_too(simulated):
    rng = np.random.default_rng(2)
    _, y = simulated.simulate(rng, 200, 4, 30.0, 0.7)
    joined = y.reshape(1, -1)
    found = estimate_time_constants(joined, 30.0, np.arange(0, joined.size, 120))
    assert found.decay[0] == pytest.approx(0.7, rel=0.2)


def test_without_transients_the_default_is_used_and_the_reason_given():
    noise = np.random.default_rng(3).normal(size=(5, 5000))
    found = estimate_time_constants(noise, 30.0, default=(0.9, 0.07), order=2)
    assert (found.reason == NO_TRANSIENTS).all()
    assert (found.decay == 0.9).all()
    assert (found.rise == 0.07).all()
    assert (estimate_time_constants(noise[:, :6], 30.0).reason == TOO_SHORT).all()
