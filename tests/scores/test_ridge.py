import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from alveus.scores.folds import contiguous_folds
from alveus.scores.ridge import (
    PENALTIES,
    moments,
    of_array,
    predict_out_of_fold,
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


@settings(max_examples=50)
@given(
    n_bins=st.integers(30, 300),
    n_folds=st.integers(2, 6),
    gap=st.integers(0, 20),
    data=st.data(),
)
def test_no_prediction_is_fitted_on_its_fold_or_within_the_gap(n_bins, n_folds, gap, data):
    scored = np.array(data.draw(st.lists(st.booleans(), min_size=n_bins, max_size=n_bins)))
    if scored.sum() < n_folds:
        return
    folds = contiguous_folds(scored, n_folds, gap)
    bins = np.concatenate([np.arange(p.start, p.stop) for p in folds.pieces])
    assert np.array_equal(bins, np.arange(n_bins))
    for fold in range(n_folds):
        start, stop = folds.edges[fold : fold + 2]
        for piece in folds.pieces:
            if fold not in piece.hidden_from:
                near = min(gap, *(folds.edges[f + 1] - folds.edges[f] for f in range(n_folds)))
                assert piece.stop <= start - near or piece.start >= stop + near


def test_out_of_fold_predictions_agree_with_a_loop_over_scikit_learn():
    rng = np.random.default_rng(0)
    z = rng.standard_normal((200, 3))
    y = z @ [[1.0], [2.0], [0.0]] + 0.01 * rng.standard_normal((200, 1))
    everything = np.ones(200, bool)
    folds = contiguous_folds(everything, 4, 5)
    predicted = predict_out_of_fold(of_array(z), 3, y, everything, everything, folds)
    for start in range(0, 200, 50):
        train = np.ones(200, bool)
        train[max(0, start - 5) : start + 55] = False
        scale = z[train].std(axis=0)
        oracle = Ridge(alpha=PENALTIES[0] * train.sum()).fit(z[train] / scale, y[train])
        np.testing.assert_allclose(
            predicted[start : start + 50, 0], oracle.predict(z[start : start + 50] / scale).ravel(), atol=1e-8
        )


def test_useless_features_get_a_heavy_penalty_and_so_predict_the_mean():
    rng = np.random.default_rng(0)
    z, y = rng.standard_normal((400, 150)), rng.standard_normal((400, 1))
    everything = np.ones(400, bool)
    predicted = predict_out_of_fold(
        of_array(z), 150, y, everything, everything, contiguous_folds(everything, 4, 0)
    )
    assert predicted.var() < 0.3


def test_constant_features_have_no_weight():
    z = np.column_stack([np.arange(50.0), np.full(50, 3.0)])
    sums = moments(of_array(z), 2, z[:, :1] - 24.5, np.ones(50, bool), 0, 50)
    assert ridge_path(sums, 2)[0, :, 0] == pytest.approx([1, 0, -24.5], rel=1e-4)
