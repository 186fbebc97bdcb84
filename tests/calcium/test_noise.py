"""The noise level of traces whose noise is known."""

import numpy as np
import pytest
from scipy.signal import welch

from alveus.calcium.noise import noise_level


@pytest.mark.parametrize("n_frames", [1000, 3000, 54_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_white_noise_is_measured_without_bias(n_frames, dtype):
    n_units = 2_000_000 // n_frames
    traces = (0.3 * np.random.default_rng(0).normal(size=(n_units, n_frames)) + 5).astype(dtype)
    assert noise_level(traces).mean() == pytest.approx(0.3, rel=0.01)


def test_calcium_hardly_counts(simulated):
    _, y = simulated.simulate(np.random.default_rng(1), 20, 300, 30.0, 0.7, 0.05, noise=0.3)
    assert noise_level(y).mean() == pytest.approx(0.3, rel=0.02)


def test_it_is_the_upper_half_of_scipys_spectrum():
    y = np.random.default_rng(2).normal(size=(1, 100_000))
    f, power = welch(y[0], nperseg=256)
    assert noise_level(y)[0] == pytest.approx(np.sqrt(power[f > 0.25].mean() / 2), rel=0.01)


def test_a_burst_of_artefacts_does_not_count():
    y = np.random.default_rng(3).normal(size=(8, 20_000))
    y[:, 5000:7000] *= 30
    assert noise_level(y).mean() == pytest.approx(1.0, rel=0.08)


def test_jumps_between_segments_do_not_count():
    rng = np.random.default_rng(4)
    starts = np.arange(0, 20_000, 100)
    y = rng.normal(size=(10, 20_000)) + np.repeat(rng.normal(0, 50, starts.size), 100)
    assert noise_level(y, starts).mean() == pytest.approx(1.0, rel=0.02)


def test_segments_too_short_have_no_noise_level():
    assert np.isnan(noise_level(np.ones((2, 100)), np.arange(0, 100, 10))).all()
