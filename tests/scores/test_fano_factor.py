import numpy as np
import pytest

from alveus.scores.fano_factor import fano_factor
from alveus.scores.settings import ScoreSettings


def test_poisson_counts_have_a_fano_factor_of_one():
    x = np.random.default_rng(0).poisson(0.3, size=(20_000, 20))
    median = fano_factor(x, ScoreSettings())[0]
    assert median.low < 1 < median.high
    assert median.high - median.low < 0.03


def test_negative_binomial_counts_have_one_plus_mean_over_dispersion():
    x = np.random.default_rng(0).negative_binomial(2, 2 / (2 + 1.5), size=(20_000, 20))
    assert fano_factor(x, ScoreSettings())[0].value == pytest.approx(1 + 1.5 / 2, rel=0.03)


def test_quantiles_agree_with_numpy(counts):
    fano = counts.var(axis=0, ddof=1) / counts.mean(axis=0)
    values = [row.value for row in fano_factor(counts, ScoreSettings())]
    np.testing.assert_allclose(values, np.quantile(fano, [0.5, 0.1, 0.9]))


def test_silent_units_do_not_count_and_silence_is_not_estimable(counts):
    padded = np.column_stack([counts, np.zeros((4000, 5), counts.dtype)])
    assert fano_factor(padded, ScoreSettings())[0].value == fano_factor(counts, ScoreSettings())[0].value
    assert {row.status for row in fano_factor(np.zeros((100, 2), int), ScoreSettings())} == {"not estimable"}
