"""A network that looks at neighbours gives the same latents however a recording is cut, and looks no further."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alveus.config.models import Vae
from alveus.config.networks import AutoregressivePrior, MlpDecoder, WindowEncoder
from alveus.encode import network as encoding
from alveus.encode.network import posterior_means, posteriors
from alveus.fit.data import Activity, FitData
from alveus.models.build import build_network, seeded

CPU = torch.device("cpu")
N_BINS, EDGES = 600, (0, 150, 157, 158, 400, 600)
REACH = 10  # bins, of the window


def fresh(data, *, causal=False, posterior="diagonal"):
    """An untrained network whose posteriors differ from bin to bin."""
    settings = Vae(
        method="vae",
        latents=2,
        encoder=WindowEncoder(hidden=(8,), seconds=0.2, causal=causal),
        decoder=MlpDecoder(hidden=(8,)),
        prior=AutoregressivePrior(time_constant=0.1),
        posterior=posterior,
    )
    network = seeded(lambda: build_network(settings, 5, bin_size=0.02, n_conditions=0, of_counts=True), 0)
    network.start_from(lambda: [torch.from_numpy(data.counts).float()])
    return network.eval()


@pytest.fixture(scope="module")
def data() -> FitData:
    """Five segments, one of them a single bin."""
    counts = np.random.default_rng(0).poisson(2.0, (N_BINS, 5)).astype(np.uint8)
    segment = np.repeat(np.arange(5), np.diff(EDGES)).astype(np.int32)
    return FitData(counts, np.zeros(N_BINS, np.int8), segment, np.zeros(5, bool), 0.02, "d")


def changed(data, bins):
    counts = data.counts.copy()
    counts[bins] += 7
    return dataclasses.replace(data, counts=counts)


def moved(network, data, bins):
    """Numbers of the bins whose posterior or KL divergence changes with the counts of some bins."""
    before, after = (posteriors([network], one, CPU) for one in (data, changed(data, bins)))
    change = [np.abs(getattr(before, name) - getattr(after, name)).max((0, 2)) for name in ("mean", "scale", "kl")]
    return np.flatnonzero(np.max(change, axis=0) > 1e-6)


@pytest.mark.parametrize("length", [1, 7, 64, 599])
def test_latents_are_the_same_whatever_the_length_of_a_block(monkeypatch, data, length):
    network = fresh(data)
    whole = posteriors([network], data, CPU)
    twin = posterior_means(network, Activity(data.counts, None, CPU), data.segment)
    monkeypatch.setattr(encoding, "BLOCK_BINS", length)
    pieced = posteriors([network], data, CPU)
    for name in ("mean", "scale", "kl"):
        np.testing.assert_allclose(getattr(pieced, name), getattr(whole, name), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(twin, whole.mean[0], rtol=1e-4, atol=1e-5)
    assert whole.mean.std() > 0.01


@given(st.integers(158, 399))
def test_a_causal_window_does_not_see_the_future(data, bin_):
    found = moved(fresh(data, causal=True), data, [bin_])
    assert found[0] == bin_
    assert found[-1] <= min(bin_ + REACH + 1, 399)  # the next bin's divergence depends on the bin before it


@given(st.integers(158, 399))
def test_a_window_sees_as_far_as_it_reaches_within_its_segment(data, bin_):
    found = moved(fresh(data), data, [bin_])
    assert found[0] == max(bin_ - REACH, 158)
    assert found[-1] == min(bin_ + REACH + 1, 399)


@pytest.mark.parametrize("posterior", ["diagonal", "smoothed"])
@pytest.mark.parametrize("segment", range(5))
def test_segments_do_not_leak_into_each_other(data, segment, posterior):
    first, last = EDGES[segment : segment + 2]
    found = moved(fresh(data, posterior=posterior), data, slice(first, last))
    assert found.tolist() == list(range(first, last))


def test_the_first_bin_of_a_segment_has_the_prior_of_a_bin_alone(data):
    """Its divergence is from N(0, 1); in closed form."""
    found = posteriors([fresh(data)], data, CPU)
    starts = list(EDGES[:-1])
    mean, variance = found.mean[0, starts].astype(float), found.scale[0, starts].astype(float) ** 2
    expected = 0.5 * (mean**2 + variance - np.log(variance) - 1)
    np.testing.assert_allclose(found.kl[0, starts], expected, rtol=1e-4, atol=1e-5)
    inside = [start + 1 for start in starts if start + 1 not in EDGES]
    mean, variance = found.mean[0, inside].astype(float), found.scale[0, inside].astype(float) ** 2
    alone = 0.5 * (mean**2 + variance - np.log(variance) - 1)
    assert (np.abs(found.kl[0, inside] - alone) > 1e-3).all()
