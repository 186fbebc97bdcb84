"""What a decoder loses with latents of other bins: against brute force, and where the answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch

from alveus.config.models import Autoencoder
from alveus.encode import reliance as module
from alveus.encode.network import load_network, posteriors
from alveus.encode.reliance import RELIANCE_BINS, decoder_reliance, gates, spread_shifts
from alveus.fit.data import FitData
from alveus.models.build import build_network
from alveus.scores import ScoreSettings
from alveus.scores.collapse import collapse_rows

from .conftest import AUTOREGRESSIVE, untrained

CPU = torch.device("cpu")
N_UNITS = 6


@pytest.fixture(scope="module")
def data() -> FitData:
    """1500 bins of 6 units that one signal drives, in two segments, a fifth of them for testing."""
    rng = np.random.default_rng(0)
    rates = np.exp(rng.normal(size=(1500, 1)) * np.linspace(-1, 1, N_UNITS) + 0.5)
    split = np.tile(np.repeat(np.array([0, 1, 2], np.int8), [70, 10, 20]), 15)
    segment = (np.arange(1500) > 700).astype(np.int32)
    return FitData(rng.poisson(rates).astype(np.uint8), split, segment, np.zeros(N_UNITS, bool), 0.02, "d")


def network_of(data, *, seed=0, weight=3.0, scale=None, **settings):
    """An untrained network whose decoder depends on its latents, its inputs standardised."""
    model = untrained(seed=seed, **settings)
    network = load_network(model, model.seeds[0], CPU)
    counts = torch.from_numpy(data.counts).float()
    network.start_from(lambda: [counts], tuple)
    with torch.no_grad():
        network.likelihood.readout.weight.mul_(weight)
        if scale is not None:
            network.head.readout.bias[network.n_latents : 2 * network.n_latents] = np.log(np.expm1(scale))
    return network.eval()


def rows_of(networks, data, names=("z1", "z2")):
    found = posteriors(networks, data, CPU)
    return collapse_rows(
        found.mean,
        found.kl,
        found.prior_variance,
        data.split,
        ScoreSettings(),
        names=names,
        reliance=decoder_reliance(networks, data, CPU),
        openings=gates(networks),
    )


def words(rows):
    return {(row.target, row.seed): row.value for row in rows if row.score == "collapse_verdict"}


def by_brute_force(network, data, bins, exchanged, n_pairs=60_000):
    """Return the mean loss with the exchanged latents from any other bin, and its standard error."""
    found = posteriors([network], data, CPU)
    rng = np.random.default_rng(1)
    here, there = (rng.choice(bins, n_pairs) for _ in range(2))
    mine, other = (
        found.mean[0, b] + found.scale[0, b] * rng.normal(size=(n_pairs, network.n_latents)) for b in (here, there)
    )
    mixed = np.where(exchanged, other, mine)

    def log_likelihood(latents):
        with torch.no_grad():
            rates = network.rates(torch.from_numpy(latents).float()).double().numpy()
        return scipy.stats.poisson(rates).logpmf(data.counts[here]).sum(1)

    lost = log_likelihood(mine) - log_likelihood(mixed)
    return lost.mean(), lost.std() / np.sqrt(n_pairs)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"encoder": {"kind": "window", "hidden": [8], "seconds": 0.06}},
        {"prior": AUTOREGRESSIVE, "posterior": "smoothed"},
        {"decoder": {"kind": "film", "hidden": [8]}},
    ],
    ids=["mlp", "window", "smoothed", "film"],
)
def test_the_loss_is_that_of_exchanging_latents_with_any_other_bin(data, settings):
    network = network_of(data, scale=0.4, **settings)
    found = decoder_reliance([network], data, CPU)
    assert np.array_equal(found.bins, np.flatnonzero(data.split == 2))
    assert found.lost.dtype == np.float32
    for j, exchanged in enumerate(([True, False], [False, True], [True, True])):
        lost = found.lost[0, :, j].astype(float)
        exact, error = by_brute_force(network, data, found.bins, np.array(exchanged))
        tolerance = 4 * np.hypot(lost.std() / np.sqrt(lost.size), error)
        assert abs(lost.mean() - exact) < tolerance + 0.02 * abs(exact)
    assert abs(found.lost[0, :, 2].mean()) > 0.05


def test_with_a_full_posterior_every_latent_is_exchanged_too(data):
    found = decoder_reliance([network_of(data, posterior="full")], data, CPU)
    assert found.lost.shape == (1, 300, 3)
    assert np.isfinite(found.lost).all()


def hearing(data, share):
    """A network whose two latents both infer the signal; the decoder takes this share of it from the second."""
    ends = {"encoder": {"kind": "mlp", "hidden": []}, "decoder": "linear"}
    network = network_of(data, scale=0.05, likelihood={"kind": "poisson", "link": "exp"}, **ends)
    slope = torch.linspace(-1, 1, N_UNITS)
    inputs = network.inputs(torch.from_numpy(data.counts).float()) @ slope
    with torch.no_grad():
        head, readout = network.head.readout, network.likelihood.readout
        head.weight[:2], head.bias[:2] = slope / inputs.std(), -inputs.mean() / inputs.std()
        readout.weight.copy_(slope.unsqueeze(1) * torch.tensor([1 - share, share]))
    return network


def test_a_decoder_that_ignores_a_latent_loses_exactly_nothing_though_its_divergence_is_positive(data):
    network = hearing(data, share=0.0)
    found = decoder_reliance([network], data, CPU)
    assert not found.lost[0, :, 1].any()
    assert not found.redrawn[0, :, 1].any()
    np.testing.assert_allclose(found.lost[0, :, 0], found.lost[0, :, 2], atol=1e-5)
    assert posteriors([network], data, CPU).kl[0, :, 1].mean() > 0.5
    found = words(rows_of([network], data))
    assert found == {("", None): "partly collapsed", ("z1", 0): "active", ("z2", 0): "ignored"}


def test_duplicated_latents_are_worth_together_what_one_of_them_is_alone(data):
    alone, halved = hearing(data, share=0.0), hearing(data, share=0.5)
    assert words(rows_of([halved], data)) == {("", None): "active", ("z1", 0): "active", ("z2", 0): "active"}
    found = decoder_reliance([alone, halved], data, CPU).lost.mean(1)
    assert found[0, 2] == pytest.approx(found[1, 2], rel=0.05)
    assert 0 < found[1, 0] < found[0, 0]
    assert found[1, 0] == pytest.approx(found[1, 1], rel=0.1)


def test_of_latents_turned_by_45_degrees_all_together_are_worth_the_same(data):
    network, turned = network_of(data, scale=1e-3), network_of(data, scale=1e-3)
    rotation = torch.tensor([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
    with torch.no_grad():
        head = turned.head.readout
        head.weight[:2], head.bias[:2] = rotation @ head.weight[:2], rotation @ head.bias[:2]
        first = next(m for m in turned.decoder.modules() if isinstance(m, torch.nn.Linear))
        first.weight.copy_(first.weight @ rotation.T)
    found = decoder_reliance([network, turned], data, CPU).lost
    np.testing.assert_allclose(found[0, :, 2], found[1, :, 2], atol=0.05)
    assert not np.allclose(found[0, :, 0], found[1, :, 0], atol=0.05)


def test_latents_that_know_nothing_of_the_bin_stay_within_their_floor(data):
    networks = []
    for seed in range(4):
        network = network_of(data, seed=seed, latents=10, scale=0.5)
        with torch.no_grad():
            network.head.readout.weight.zero_()
            network.head.readout.bias[:10] = 1.0  # not the prior: a divergence that tells nothing
        networks.append(network)
    names = [f"z{j + 1}" for j in range(10)]
    rows = rows_of(networks, data, names)
    relied = [r for r in rows if r.score == "decoder_reliance" and r.target in names and r.value > r.floor]
    assert sum(row.low > 0 for row in relied) <= 3
    found = words(rows)
    assert sum(found[name, seed] == "collapsed" for name in names for seed in range(4)) >= 37
    said = next(r.note for r in rows if r.score == "collapse_verdict" and r.value == "collapsed" and r.target)
    assert "mismatch with the prior" in said


def test_a_side_channel_is_worth_what_passes_it(data):
    def skip(gate):
        network = network_of(data, decoder={"kind": "skip", "hidden": [8], "gate": gate})
        with torch.no_grad():
            network.decoder.bypass.weight.mul_(5)
        return network

    networks = [skip(gate) for gate in (0.0, 0.5, 1.0)]
    found = decoder_reliance(networks, data, CPU)
    assert not found.side_lost[0].any()
    assert found.side_lost[1].mean() > 0
    assert found.side_lost[2].mean() > found.side_lost[1].mean()
    assert gates(networks).tolist() == [0.0, 0.5, 1.0]
    assert gates([network_of(data)]) is None
    rows = rows_of(networks, data)
    assert [row.value for row in rows if row.score == "gate"] == [0.0, 0.5, 1.0]
    assert next(row.value for row in rows if row.score == "skip_reliance") == 0.0


def test_parts_and_blocks_make_no_difference(monkeypatch, data):
    settings = {"encoder": {"kind": "window", "hidden": [8], "seconds": 0.06}, "decoder": "skip"}
    network = network_of(data, **settings)
    whole = decoder_reliance([network], data, CPU)
    monkeypatch.setattr("alveus.fit.memory.MOST_VALUES", 2000)
    monkeypatch.setattr(module, "BLOCK_BINS", 64)
    parted = decoder_reliance([network], data, CPU)
    for name in ("lost", "redrawn", "side_lost"):
        np.testing.assert_allclose(getattr(whole, name), getattr(parted, name), atol=1e-4)


def test_where_memory_runs_out_smaller_parts_give_the_same(monkeypatch, data):
    network = network_of(data)
    whole = decoder_reliance([network], data, CPU)
    kernel, sizes = network.likelihood.log_kernel, []

    def scarce(features, activity):
        sizes.append(len(activity))
        if len(activity) > 100:
            raise MemoryError
        return kernel(features, activity)

    monkeypatch.setattr(network.likelihood, "log_kernel", scarce)
    np.testing.assert_allclose(decoder_reliance([network], data, CPU).lost, whole.lost, atol=1e-4)
    assert max(sizes) == 300
    assert sizes[-1] <= 75


def test_the_same_networks_lose_the_same_again(data):
    one, other = network_of(data), network_of(data, seed=1)
    found = decoder_reliance([one, other, one], data, CPU)
    assert np.array_equal(found.lost[0], found.lost[2])
    assert not np.array_equal(found.lost[0], found.lost[1])
    assert np.array_equal(found.lost, decoder_reliance([one, other, one], data, CPU).lost)


def test_of_many_test_bins_some_are_taken_from_all_over_the_recording(data):
    many = replace(
        data,
        counts=np.tile(data.counts, (20, 1)),
        split=np.tile(data.split, 20),
        segment=np.zeros(30_000, np.int32),
    )
    bins = decoder_reliance([network_of(data)], many, CPU).bins
    assert bins.size == RELIANCE_BINS
    assert (many.split[bins] == 2).all()
    assert (np.abs(np.bincount(bins // 3000, minlength=10) - RELIANCE_BINS / 10) < 10).all()


@pytest.mark.parametrize("n_bins", [20, 300, 2048])
def test_shifts_go_far_and_differ(n_bins):
    shifts = spread_shifts(n_bins)
    assert len(shifts) == len(set(shifts)) == 8
    assert min(shifts) >= 0.05 * n_bins
    assert max(shifts) <= 0.95 * n_bins


def test_an_overflow_is_a_loss_beyond_measure_and_no_nan(data):
    network = network_of(data, weight=1e4, likelihood={"kind": "poisson", "link": "exp"})
    found = decoder_reliance([network], data, CPU)
    assert np.isfinite(found.lost).all()
    assert np.isfinite(found.redrawn).all()
    assert found.lost.max() > 1e5
    assert all(row.status == "ok" for row in rows_of([network], data) if row.score == "decoder_reliance")


def test_with_one_latent_it_is_worth_all(data):
    found = decoder_reliance([network_of(data, latents=1)], data, CPU)
    np.testing.assert_array_equal(found.lost[..., 0], found.lost[..., 1])


def test_without_likelihood_or_test_bins_there_is_nothing_to_lose(data):
    net = {"kind": "mlp", "hidden": [8]}
    settings = Autoencoder(method="autoencoder", latents=2, encoder=net, decoder=net)
    autoencoder = build_network(settings, N_UNITS, bin_size=0.02, n_conditions=0, of_counts=True)
    assert decoder_reliance([autoencoder], data, CPU) is None
    assert decoder_reliance([network_of(data)], replace(data, split=np.zeros(1500, np.int8)), CPU) is None
