"""Statistics of a population, taken block by block, are those of the whole."""

import numpy as np
import pytest

from alveus.recording.population import (
    MOST_PAIRS,
    MOST_STRETCH,
    MOST_UNITS,
    N_STRETCHES,
    RunningStatistics,
    place_probe,
    statistics_of,
)


def counts(n_bins=1000, n_units=7, seed=0):
    rng = np.random.default_rng(seed)
    shared = rng.gamma(2.0, 0.1, (n_bins, 1))
    return rng.poisson(shared * rng.uniform(0.2, 2, n_units)).astype(np.uint8)


def test_statistics_are_numpys():
    x = counts()
    probe = place_probe(np.ones(1000, bool), 7)
    found = statistics_of(x[probe.bins], probe)
    np.testing.assert_allclose(found.rate, x.mean(0))
    np.testing.assert_allclose(found.fano_factor, x.var(0) / x.mean(0))
    i, j = probe.pairs.T
    np.testing.assert_allclose(found.correlation, np.corrcoef(x.T)[i, j])
    np.testing.assert_allclose(found.silent_bins, (x == 0).all(1).reshape(20, 50).mean(1))


@pytest.mark.parametrize("block", [1, 7, 64, 2000])
def test_blocks_and_draws_make_no_difference(block):
    x = np.stack([counts(seed=seed) for seed in range(3)])
    probe = place_probe(np.ones(1000, bool), 7)
    running = RunningStatistics(3, 7, probe)
    for first in range(0, 1000, block):
        running.add(first, x[:, first : first + block])
    together = running.statistics()
    for draw in range(3):
        alone = statistics_of(x[draw], probe)
        for name, values in vars(alone).items():
            assert np.array_equal(getattr(together, name)[draw], values), name


def test_what_is_not_defined_is_nan():
    x = counts(n_units=4)
    x[:, 1], x[:, 2] = 0, 3
    found = statistics_of(x, place_probe(np.ones(1000, bool), 4))
    assert np.isnan(found.fano_factor).tolist() == [False, True, False, False]
    assert found.fano_factor[2] == 0
    assert found.rate.tolist()[1:3] == [0, 3]
    assert np.isfinite(found.correlation).sum() == 1
    assert not found.silent_bins.any()


def test_a_constant_trace_does_not_vary_whatever_its_size():
    x = np.full((1000, 2), 0.1, np.float32) * np.array([1e6, 1.0], np.float32)
    assert np.isnan(statistics_of(x, place_probe(np.ones(1000, bool), 2)).correlation).all()


def test_stretches_are_of_equal_length_and_spread_over_the_part():
    part = np.arange(100_000) % 10 >= 8
    probe = place_probe(part, 3)
    assert part[probe.bins].all()
    assert (np.diff(probe.bins) > 0).all()
    assert probe.bins.size == N_STRETCHES * MOST_STRETCH
    assert probe.n_stretches == N_STRETCHES
    starts = probe.bins.reshape(N_STRETCHES, -1)[:, 0]
    np.testing.assert_allclose(np.diff(starts), 100_000 / N_STRETCHES, atol=10)


@pytest.mark.parametrize(("n_bins", "n_stretches"), [(19, None), (20, 1), (39, 1), (40, 2), (399, 19), (400, 20)])
def test_few_bins_make_fewer_stretches(n_bins, n_stretches):
    probe = place_probe(np.ones(n_bins, bool), 2)
    assert (None if probe is None else probe.n_stretches) == n_stretches
    assert probe is None or probe.bins.size // n_stretches * n_stretches == probe.bins.size > n_bins - n_stretches


def test_one_unit_has_no_pair():
    assert place_probe(np.ones(100, bool), 1) is None


@pytest.mark.parametrize("n_units", [2, 63, 64, 300])
def test_pairs_are_of_different_units_and_none_twice(n_units):
    pairs = place_probe(np.ones(100, bool), n_units).pairs
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert pairs.max() < n_units
    assert len(set(map(tuple, pairs.tolist()))) == len(pairs) == min(MOST_PAIRS, n_units * (n_units - 1) // 2)
    assert np.unique(pairs).size == min(MOST_UNITS, n_units)
    again = place_probe(np.ones(100, bool), n_units).pairs
    assert np.array_equal(pairs, again)
