import numpy as np
import pytest

from alveus.scores import Covariate, ScoreSettings
from alveus.scores.labels_alone import labels_alone

SETTINGS = ScoreSettings(resamples=50)


def score(prior_mean, counts, latents, split):
    behavior = {"x": Covariate(latents[:, 0])}
    rows = labels_alone(prior_mean, counts, behavior, latents, split, SETTINGS)
    return {row.score: row for row in rows}


def test_a_prior_that_is_told_the_answer_needs_no_neuron(counts, latents, split):
    found = score(np.stack([latents, 0 * latents]), counts, latents, split)
    assert found["decoding_r2"].value == pytest.approx(1, abs=1e-3)
    assert found["truth_r2"].value == pytest.approx(1, abs=1e-3)
    assert found["truth_mcc"].value == pytest.approx(1, abs=1e-3)
    assert found["bits_per_spike"].value > 0.05
    assert all(row.seed is None and row.target.endswith("from labels alone") for row in found.values())
    assert all("no neuron" in row.note for row in found.values())


def test_a_prior_that_is_told_nothing_of_use_scores_nothing(counts, latents, split):
    found = score(np.random.default_rng(0).standard_normal((1, 4000, 4)), counts, latents, split)
    for name in ("decoding_r2", "truth_r2", "bits_per_spike"):
        assert abs(found[name].value) < 0.02


def test_a_model_that_saw_no_labels_has_no_such_row(counts, latents, split):
    assert score(None, counts, latents, split) == {}
