import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import log_loss

from alveus.scores.discriminant import cross_entropy, discriminant_path
from alveus.scores.ridge import PENALTIES, moments, of_array


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    codes = rng.choice(4, size=600, p=[0.5, 0.2, 0.2, 0.1])
    z = rng.standard_normal((600, 3)) * [1, 5, 0.1] + np.array([0, 2, 4, 6])[codes, None] + 50
    return z, codes


def path_of(z, codes, n_labels):
    onehot = (codes[:, None] == np.arange(n_labels)).astype(float)
    sums = moments(of_array(z), z.shape[1], onehot, np.ones(len(z), bool), 0, len(z))
    return discriminant_path(sums, z.shape[1])


def test_with_next_to_no_penalty_it_agrees_with_scikit_learn(data):
    z, codes = data
    weights = path_of(z, codes, 4)[0]
    oracle = LinearDiscriminantAnalysis(solver="lsqr").fit(z, codes)
    scores = z @ weights[:-1] + weights[-1]
    assert np.array_equal(scores.argmax(axis=1), oracle.predict(z))
    expected = log_loss(codes, oracle.predict_proba(z), normalize=False)
    assert cross_entropy(scores, np.eye(4)[codes]) == pytest.approx(expected, rel=1e-3)


def test_a_heavier_penalty_moves_towards_the_most_frequent_category(data):
    z, codes = data
    named = [np.count_nonzero((z @ w[:-1] + w[-1]).argmax(axis=1) == 0) for w in path_of(z, codes, 4)]
    assert len(named) == len(PENALTIES)
    assert named[-1] > named[0]


def test_a_category_between_two_others_is_not_masked():
    z = np.linspace(-1, 1, 300)[:, None]
    codes = np.digitize(z[:, 0], [-1 / 3, 1 / 3])
    weights = path_of(z, codes, 3)[0]
    assert ((z @ weights[:-1] + weights[-1]).argmax(axis=1) == codes).mean() > 0.95


def test_a_category_never_seen_is_never_named_and_a_constant_feature_weighs_nothing(data):
    z, codes = data
    weights = path_of(np.column_stack([z, np.full(600, 7.0)]), codes, 6)[2]
    assert np.isfinite(weights).all()
    assert not weights[3].any()
    assert (np.column_stack([z, np.full(600, 7.0)]) @ weights[:-1] + weights[-1]).argmax(axis=1).max() <= 3
