"""The guide's example of a new likelihood, taken from the page and run."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch

from alveus.config.models import Training, Vae
from alveus.encode.encode import encode
from alveus.encode.network import load_network
from alveus.fit.data import FitData
from alveus.fit.fit import fit
from alveus.models.likelihoods import LIKELIHOODS

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "extending.md"


@pytest.fixture
def example():
    """What the code blocks of the page define; the table is put back afterwards."""
    before = dict(LIKELIHOODS)
    names: dict = {"__name__": "example"}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
        exec(block, names)  # noqa: S102
    yield names
    LIKELIHOODS.clear()
    LIKELIHOODS.update(before)


def spikes_or_none() -> FitData:
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(4000, 2))
    chance = 1 / (1 + np.exp(2 - latents @ rng.normal(size=(2, 20)) * 2))
    split = np.tile(np.repeat(np.array([0, 1, 2], np.int8), [70, 10, 20]), 40)
    counts = (rng.random(chance.shape) < chance).astype(np.uint8)
    return FitData(counts, split, np.zeros(4000, np.int32), np.arange(20) % 5 == 0, 0.001, "d")


def test_the_example_agrees_with_scipy(example):
    likelihood = example["BernoulliLikelihood"](3, 4)
    features = torch.randn(50, 3)
    with torch.no_grad():
        chance = likelihood.mean(features).double().numpy()
        activity = likelihood(features).sample()
        ours = likelihood.log_kernel(features, activity) + likelihood.log_base(activity)
    expected = scipy.stats.bernoulli(chance).logpmf(activity.numpy().astype(int))
    np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # the settings are of no union here
def test_the_example_trains_and_encodes(example, monkeypatch):
    data = spikes_or_none()
    # in the repository the settings join a union; here they stand in for what the config would give
    model = Vae(method="vae", latents=2).model_copy(update={"likelihood": example["BernoulliSettings"]()})
    fitted = fit(data, model, Training(device="cpu", max_steps=300, evaluate_every=50), n_seeds=1)
    losses = [row["validation_loss"] for row in fitted.history if row["seed"] == "0"]
    test, train = data.split == 2, data.split == 0
    mean_rate = -scipy.stats.bernoulli(data.counts[train].mean(0)).logpmf(data.counts[test]).sum(-1).mean()
    assert min(losses) < mean_rate - 0.3
    monkeypatch.setattr("alveus.encode.network.settings_of", lambda _: model)
    encoding = encode(fitted, data, device="cpu")
    assert (encoding.kl[0, test].mean(0) > 0.1).any()
    assert load_network(fitted, fitted.seeds[0], torch.device("cpu")).likelihood.of_counts
