import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import lfilter

from alveus.scores.nulls import autocorrelation_length, autocovariance, circular_shifts, floor_of
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
    least = max(1, min(max(autocorrelation_length(signal), int(np.ceil(0.05 * n))), n // 4))
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
