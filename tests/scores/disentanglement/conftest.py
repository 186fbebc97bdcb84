import numpy as np
import pytest
from scipy.signal import lfilter

from alveus.scores.covariate import Covariate
from alveus.scores.disentanglement import disentanglement_rows
from alveus.scores.disentanglement.factors import make_factors
from alveus.scores.settings import ScoreSettings


def autoregressive(seed, shape, rho=0.9):
    x = lfilter([1], [1, -rho], np.random.default_rng(seed).standard_normal(shape), axis=0)
    return x / x.std(axis=0)


@pytest.fixture(scope="session")
def signals():
    return autoregressive


@pytest.fixture(scope="session")
def score(make_split):
    """Rows without a target of one seed, by score; or all rows."""

    def compute(latents, behavior, every=False, settings=None, split=None, **more):
        latents = latents[None] if latents.ndim == 2 else latents
        found = disentanglement_rows(
            latents,
            behavior,
            make_split(latents.shape[1]) if split is None else split,
            settings or ScoreSettings(resamples=100),
            names=[f"z{j + 1}" for j in range(latents.shape[2])],
            **more,
        )
        return found if every else {row.score: row for row in found if not row.target}

    return compute


@pytest.fixture(scope="session")
def factors_of(make_split):
    def make(shifts=20, **behavior):
        covariates = {k: v if isinstance(v, Covariate) else Covariate(v) for k, v in behavior.items()}
        n = len(next(iter(covariates.values())).values)
        return make_factors(covariates, make_split(n), ScoreSettings(shifts=shifts))

    return make
