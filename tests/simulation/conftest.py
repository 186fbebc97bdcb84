import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment


def _mcc(a, b):
    correlation = np.abs(np.corrcoef(a.T, b.T)[: a.shape[1], a.shape[1] :])
    return correlation[linear_sum_assignment(-correlation)].mean()


def _r2_of_affine_map(latents, truth, train):
    inputs = np.column_stack([latents, np.ones(len(latents))])
    weights = np.linalg.lstsq(inputs[train], truth[train], rcond=None)[0]
    true, error = truth[~train], (truth - inputs @ weights)[~train]
    return np.mean(1 - (error**2).sum(axis=0) / ((true - true.mean(axis=0)) ** 2).sum(axis=0))


@pytest.fixture(scope="session")
def mcc():
    """The mean |Pearson correlation| after the best assignment of columns to columns."""
    return _mcc


@pytest.fixture(scope="session")
def r2_of_affine_map():
    """R² of an affine map that is fitted on training bins and scored on the others, mean over latents."""
    return _r2_of_affine_map
