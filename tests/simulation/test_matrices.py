import numpy as np
import pytest

from alveus.simulation.matrices import mixing_matrix


@pytest.mark.parametrize(("n_sources", "n_units"), [(5, 5), (5, 20), (2, 2), (1, 1)])
def test_columns_have_length_one(n_sources, n_units):
    matrix = mixing_matrix(n_sources, n_units, np.random.default_rng(0))
    assert matrix.shape == (n_sources, n_units)
    np.testing.assert_allclose((matrix**2).sum(axis=0), 1)


def test_matrices_are_better_conditioned_than_the_best_quarter_of_plain_draws():
    rng = np.random.default_rng(0)
    plain = rng.uniform(-1, 1, (5000, 5, 5))
    plain /= np.linalg.norm(plain, axis=1, keepdims=True)
    quarter = np.percentile(np.linalg.cond(plain), 25)
    chosen = [np.linalg.cond(mixing_matrix(5, 5, rng)) for _ in range(50)]
    assert max(chosen) < 1.3 * quarter  # of 200 draws the quartile is not known better
    assert np.median(chosen) < np.percentile(np.linalg.cond(plain), 20)
