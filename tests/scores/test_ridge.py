import numpy as np
import pytest
from sklearn.linear_model import Ridge

from alveus.scores.ridge import (
    PENALTIES,
    moments,
    of_array,
    predict_held_out,
    ridge_path,
    squared_error,
)


def test_weights_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((300, 5)) * [1, 10, 0.1, 3, 1] + 4
    y = z @ rng.standard_normal((5, 2)) + rng.standard_normal((300, 2))
    usable = rng.random(300) < 0.8
    sums = moments(of_array(z), 5, y, usable, 0, 300)
    path = ridge_path(sums, 5)
    scale = z[usable].std(axis=0)
    for penalty, weights in zip(PENALTIES, path, strict=True):
        oracle = Ridge(alpha=penalty * usable.sum()).fit(z[usable] / scale, y[usable])
        np.testing.assert_allclose(weights[:5], (oracle.coef_ / scale).T, atol=1e-8)
        np.testing.assert_allclose(weights[5], oracle.intercept_, atol=1e-8)
    errors = [((y - z @ w[:5] - w[5])[usable] ** 2).sum() for w in path]
    np.testing.assert_allclose(squared_error(sums, path), errors)


def parts(n):
    """Two thirds training, a sixth validation, a sixth test."""
    place = np.arange(n) * 6 // n
    return place < 4, place == 4, place == 5


def test_held_out_predictions_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((600, 3))
    y = z @ [[1.0], [2.0], [0.0]] + 0.01 * rng.standard_normal((600, 1))
    train, validation, test = parts(600)
    predicted = predict_held_out(of_array(z), 3, y, train, validation, test)
    scale = z[train].std(axis=0)
    oracles = [Ridge(alpha=penalty * train.sum()).fit(z[train] / scale, y[train]) for penalty in PENALTIES]
    errors = [
        ((oracle.predict(z[validation] / scale).reshape(-1, 1) - y[validation]) ** 2).sum() for oracle in oracles
    ]
    best = oracles[int(np.argmin(errors))]
    np.testing.assert_allclose(predicted[:, 0], best.predict(z[test] / scale).ravel(), atol=1e-8)


def test_test_bins_are_never_fitted_on():
    rng = np.random.default_rng(1)
    z, y = rng.standard_normal((600, 3)), rng.standard_normal((600, 1))
    train, validation, test = parts(600)
    other = np.where(test[:, None], 1e6, y)
    np.testing.assert_array_equal(
        predict_held_out(of_array(z), 3, y, train, validation, test),
        predict_held_out(of_array(z), 3, other, train, validation, test),
    )


def test_useless_features_get_a_heavy_penalty_and_so_predict_the_mean():
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((600, 150)), rng.standard_normal((600, 1))
    assert predict_held_out(of_array(z), 150, y, *parts(600)).var() < 0.3


def test_constant_features_have_no_weight():
    z = np.column_stack([np.arange(50.0), np.full(50, 3.0)])
    sums = moments(of_array(z), 2, z[:, :1] - 24.5, np.ones(50, bool), 0, 50)
    assert ridge_path(sums, 2)[0, :, 0] == pytest.approx([1, 0, -24.5], rel=1e-4)
