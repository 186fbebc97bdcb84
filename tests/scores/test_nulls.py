import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from alveus.scores.nulls import (
    autocorrelation_length,
    autocovariance,
    circular_shifts,
    floor_of,
    haar_rotations,
    p_value,
)
from alveus.scores.settings import ScoreSettings


def ar1(rho, n, seed=0):
    return lfilter([1], [1, -rho], np.random.default_rng(seed).standard_normal(n))


def test_autocovariance_agrees_with_its_definition():
    x = ar1(0.5, 50)
    x = x - x.mean()
    direct = [(x[: 50 - lag] * x[lag:]).sum() / 50 for lag in range(50)]
    np.testing.assert_allclose(autocovariance(x), direct, atol=1e-12)


def test_an_ar1_signal_forgets_itself_after_minus_one_over_log_rho_bins():
    lengths = [autocorrelation_length(ar1(0.95, 20_000, seed)) for seed in range(5)]
    assert np.mean(lengths) == pytest.approx(-1 / np.log(0.95), rel=0.15)


def test_the_slowest_signal_counts_and_a_constant_one_does_not():
    slow, fast = ar1(0.95, 5000), ar1(0.1, 5000)
    both = np.column_stack([fast, slow, np.ones(5000)])
    assert autocorrelation_length(both) == autocorrelation_length(slow)


@given(n=st.integers(1, 3000), shifts=st.integers(1, 40), rho=st.sampled_from([0.0, 0.9, 0.999]))
def test_every_shift_goes_far_enough_either_way(n, shifts, rho):
    signal = ar1(rho, n)
    drawn = circular_shifts(signal, ScoreSettings(shifts=shifts))
    least = max(1, min(max(3 * autocorrelation_length(signal), int(np.ceil(0.05 * n))), n // 4))
    assert len(drawn) == len(set(drawn)) <= shifts
    assert all(least <= shift <= n - least for shift in drawn)


def test_as_many_shifts_as_asked_for_where_there_is_room():
    assert len(circular_shifts(ar1(0.9, 5000), ScoreSettings(shifts=50))) == 50


def test_shifts_depend_on_the_seed_and_the_name_alone():
    x = ar1(0.9, 1000)
    assert circular_shifts(x, ScoreSettings(), "a") == circular_shifts(x, ScoreSettings(), "a")
    assert circular_shifts(x, ScoreSettings(), "a") != circular_shifts(x, ScoreSettings(), "b")
    assert circular_shifts(x, ScoreSettings(), "a") != circular_shifts(x, ScoreSettings(seed=1), "a")


def test_no_shift_gives_no_floor():
    assert floor_of([]) is None
    assert floor_of([float("nan")]) is None
    assert floor_of(list(range(101))) == pytest.approx(95)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_rotations_have_the_moments_of_the_haar_distribution(n):
    draws = haar_rotations(n, 50_000, np.random.default_rng(0))
    np.testing.assert_allclose(
        draws @ draws.transpose(0, 2, 1), np.broadcast_to(np.eye(n), draws.shape), atol=1e-12
    )
    trace = np.trace(draws, axis1=1, axis2=2)
    # Diaconis & Shahshahani (1994): E tr = 0 and E tr² = 1; E tr⁴ = 3 from two dimensions on
    assert trace.mean() == pytest.approx(0, abs=0.03)
    assert (trace**2).mean() == pytest.approx(1, abs=0.05)
    if n > 1:
        assert (trace**4).mean() == pytest.approx(3, abs=0.25)  # 5 standard errors
    np.testing.assert_allclose((draws**2).mean(axis=0), 1 / n, atol=0.01)
    np.testing.assert_allclose((draws**4).mean(axis=0), 3 / (n * (n + 2)), atol=0.01)


def test_a_p_value_counts_the_score_itself_among_the_nulls():
    assert p_value(2.0, [1.0, 2.0, 3.0]) == pytest.approx(3 / 4)
    assert p_value(9.0, [1.0, float("nan")]) == pytest.approx(1 / 2)
    assert p_value(1.0, []) is None


def test_p_values_of_two_unrelated_signals_raise_the_alarm_as_often_as_they_say():
    rng = np.random.default_rng(0)
    alarms = 0
    for seed in range(300):
        x, y = (lfilter([1], [1, -0.9], rng.standard_normal(2000)) for _ in range(2))
        nulls = [abs(np.corrcoef(np.roll(x, s), y)[0, 1]) for s in circular_shifts(x, ScoreSettings(seed=seed))]
        alarms += p_value(abs(np.corrcoef(x, y)[0, 1]), nulls) < 0.05
    assert alarms <= 0.07 * 300
