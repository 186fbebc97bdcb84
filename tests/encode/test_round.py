"""Any recording through fit, a file and encode, with every baseline: finite latents, or an error that says why."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from alveus.baselines.methods import BASELINES
from alveus.config.document import METHODS
from alveus.config.models import Training
from alveus.encode.encode import encode
from alveus.errors import SettingError
from alveus.fit.data import FitData
from alveus.fit.fit import fit
from alveus.fit.model_file import load_model, save_model

TRAINING = Training(device="cpu")


@st.composite
def recordings(draw: st.DrawFn) -> FitData:
    """Short recordings of odd units: silent, doubled, bursting once, huge, in arbitrary units."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_bins, n_units = draw(st.integers(12, 200)), draw(st.integers(3, 12))
    latents = rng.gamma(1.0, 1.0, (n_bins, draw(st.integers(1, 4))))
    activity = rng.poisson(latents @ rng.gamma(0.5, 1.0, (latents.shape[1], n_units)))
    for unit in range(n_units):
        match draw(st.sampled_from(["plain", "plain", "plain", "silent", "doubled", "once", "huge"])):
            case "silent":
                activity[:, unit] = 0
            case "doubled":
                activity[:, unit] = activity[:, 0]
            case "once":
                activity[:, unit] = np.arange(n_bins) == rng.integers(n_bins)
            case "huge":
                activity[:, unit] *= 1000
    kind = draw(st.sampled_from(["counts", "wide counts", "events"]))
    activity = {
        "counts": lambda: activity.clip(0, 255).astype(np.uint8),
        "wide counts": lambda: activity.clip(0, 65535).astype(np.uint16),
        "events": lambda: (activity * draw(st.sampled_from([1e-5, 0.37, 1e4]))).astype(np.float32),
    }[kind]()
    split = rng.choice(np.array([0, 0, 0, 1, 2, -1], np.int8), n_bins)
    segment = np.sort(rng.integers(0, 3, n_bins)).astype(np.int32)
    held_out = np.arange(n_units) == n_units - 1
    assume((split == 0).any())
    return FitData(activity, split, segment, held_out, 0.02, "digest")


def through_a_file(fitted):
    with tempfile.TemporaryDirectory() as folder:
        save_model(fitted, Path(folder) / "model.pt")
        return load_model(Path(folder) / "model.pt")


SILENT = FitData(
    np.zeros((20, 4), np.uint8), np.zeros(20, np.int8), np.zeros(20, np.int32), np.arange(4) == 3, 0.02, ""
)
LONE_BIN = FitData(
    np.ones((20, 4), np.uint8),
    np.where(np.arange(20) == 7, 0, 2).astype(np.int8),
    np.zeros(20, np.int32),
    np.arange(4) == 3,
    0.02,
    "",
)


@pytest.mark.parametrize("method", BASELINES)
@example(data=SILENT, n_latents=1, n_seeds=1)
@example(data=LONE_BIN, n_latents=2, n_seeds=2)
@given(data=recordings(), n_latents=st.integers(1, 4), n_seeds=st.integers(1, 3))
@settings(max_examples=40)
def test_any_recording_gives_finite_latents_or_a_reason(method, data, n_latents, n_seeds):
    model = METHODS[method](method=method, latents=n_latents)
    fitted, reason = None, ""
    try:
        fitted = fit(data, model, TRAINING, n_seeds=n_seeds)
    except SettingError as error:
        reason = str(error)
    if fitted is None:
        assert "latents" in reason or "silent" in reason
        return
    encoding = encode(through_a_file(fitted), data)
    n_bins = data.counts.shape[0]
    assert encoding.mean.shape == encoding.scale.shape == (n_seeds, n_bins, n_latents)
    assert encoding.held_in_mean.shape == (n_bins, n_latents)
    for values in (encoding.mean, encoding.scale, encoding.held_in_mean):
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
    assert (encoding.scale >= 0).all()
    if method == "nmf":
        assert (encoding.mean >= 0).all()
    again = encode(fit(data, model, TRAINING, n_seeds=n_seeds), data)
    assert np.array_equal(again.mean, encoding.mean)
    assert np.array_equal(again.held_in_mean, encoding.held_in_mean)
