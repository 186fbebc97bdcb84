import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import stdtrit

from alveus.scores.long_run import MAX_FREEDOM, long_run


def ar1(rho, n, rng):
    drawn = rng.standard_normal(n)
    drawn[1:] *= np.sqrt(1 - rho**2)
    return lfilter([1], [1, -rho], drawn)


@pytest.mark.parametrize("rho", [0.0, 0.9, 0.97])
def test_the_error_of_a_mean_agrees_with_the_closed_form_of_an_ar1_signal(rho):
    n, rng = 20_000, np.random.default_rng(0)
    found = [long_run(ar1(rho, n, rng)).error for _ in range(30)]
    assert np.mean(found) == pytest.approx(np.sqrt((1 + rho) / (1 - rho) / n), rel=0.05)


@pytest.mark.parametrize(("rho", "n"), [(0.0, 200), (0.9, 1000), (0.97, 2000), (0.99, 5000)])
def test_students_t_of_it_covers_the_mean_of_slow_signals(rho, n):
    rng, covered, given = np.random.default_rng(1), 0, 0
    for _ in range(300):
        x = ar1(rho, n, rng)
        if (found := long_run(x)) is not None:
            given += 1
            covered += abs(x.mean()) <= stdtrit(found.freedom, 0.975) * found.error
    assert given > 270
    assert 0.91 <= covered / given <= 0.98


def test_a_slow_part_beneath_white_noise_is_found():
    n, rng = 20_000, np.random.default_rng(2)
    x = 0.3 * ar1(0.98, n, rng) + rng.standard_normal(n)
    true = np.sqrt((0.09 * 1.98 / 0.02 + 1) / n)
    assert long_run(x).error == pytest.approx(true, rel=0.25)


@pytest.mark.parametrize(("rho", "n"), [(0.99, 500), (0.999, 5000), (1 - 1e-9, 2000)])
def test_a_record_too_short_for_its_correlation_has_no_error(rho, n):
    rng = np.random.default_rng(3)
    assert sum(long_run(ar1(rho, n, rng)) is None for _ in range(100)) >= 95


def test_a_constant_is_known_exactly():
    found = long_run(np.full(100, 0.1))
    assert (found.error, found.freedom) == (0.0, MAX_FREEDOM)
