import numpy as np
import pytest
import xarray as xr

from alveus.errors import ArtefactError
from alveus.recording.population import Predictive, RunningStatistics, place_probe
from alveus.recording.reliance import Reliance
from alveus.storage import open_dataset, open_latents

from .conftest import publish_latents


def test_latents_are_read_back(tmp_path):
    latents = open_latents(publish_latents(tmp_path))
    assert latents.mean.shape == (3, 300, 4)
    assert latents.mean.dtype == np.float32
    np.testing.assert_array_equal(latents.scale, np.exp(latents.mean))
    np.testing.assert_array_equal(latents.held_in_mean, latents.mean[0] + 1)
    np.testing.assert_array_equal(latents.log_likelihood, latents.mean[..., 0] * 2)
    np.testing.assert_array_equal(latents.kl, latents.mean**2)
    np.testing.assert_array_equal(latents.time, np.arange(300) * 0.02)
    assert latents.latent_names == ("z1", "z2", "z3", "z4")
    assert latents.model_settings == {"method": "vae"}
    assert (latents.n_seeds, latents.n_bins, latents.n_latents, latents.model) == (3, 300, 4, "vae")


def test_a_method_without_likelihood_has_none(tmp_path):
    latents = open_latents(str(publish_latents(tmp_path, log_likelihood=None, kl=None)))  # as text, too
    assert latents.log_likelihood is None
    assert latents.kl is None


def test_log_evidence_is_read_back_with_the_numbers_of_its_bins(tmp_path):
    nats, bins = np.random.default_rng(0).normal(size=(3, 20)).astype(np.float32), np.arange(20) * 7
    latents = open_latents(publish_latents(tmp_path, log_evidence=nats, evidence_bin=bins))
    np.testing.assert_array_equal(latents.log_evidence, nats)
    np.testing.assert_array_equal(latents.evidence_bin, bins)
    with xr.open_zarr(tmp_path / "latents.zarr", consolidated=True) as root:
        assert root["log_evidence"].sel(evidence_bin=14).dims == ("seed",)


def test_what_the_decoder_relies_on_is_read_back(tmp_path):
    rng = np.random.default_rng(0)
    lost, redrawn, side = (rng.normal(size=s).astype(np.float32) for s in ((3, 20, 5), (3, 8, 5), (3, 20)))
    reliance, gate = Reliance(np.arange(20) * 7, lost, redrawn, side), np.array([0, 0.5, 1], np.float32)
    latents = open_latents(publish_latents(tmp_path, reliance=reliance, gate=gate))
    for name, values in vars(reliance).items():
        np.testing.assert_array_equal(getattr(latents.reliance, name), values)
    np.testing.assert_array_equal(latents.gate, gate)
    with xr.open_zarr(tmp_path / "latents.zarr", group="reliance", consolidated=True) as group:
        assert group["lost"].dims == ("seed", "reliance_bin", "exchanged")


def test_reliance_of_other_latents_is_refused_and_none_is_none(tmp_path):
    wrong = Reliance(np.arange(20), np.zeros((3, 20, 4), np.float32), np.zeros((3, 8, 4), np.float32))
    with pytest.raises(ArtefactError, match="reliance/lost has shape"):
        publish_latents(tmp_path, reliance=wrong)
    latents = open_latents(publish_latents(tmp_path))
    assert (latents.reliance, latents.gate) == (None, None)
    bare = Reliance(np.arange(20), np.zeros((3, 20, 5), np.float32), np.zeros((3, 8, 5), np.float32))
    assert open_latents(publish_latents(tmp_path, reliance=bare)).reliance.side_lost is None


def test_where_there_is_no_log_evidence_the_reason_is_kept(tmp_path):
    latents = open_latents(publish_latents(tmp_path, no_evidence="the prior joins bins"))
    assert (latents.log_evidence, latents.evidence_bin) == (None, None)
    assert latents.no_evidence == "the prior joins bins"


def test_xarray_opens_latents_with_their_dimensions_named(tmp_path):
    publish_latents(tmp_path)
    with xr.open_zarr(tmp_path / "latents.zarr", consolidated=True) as root:
        assert root["mean"].dims == root["kl"].dims == ("seed", "time", "latent")
        assert root["log_likelihood"].dims == ("seed", "time")
        assert list(root["latent"].values) == ["z1", "z2", "z3", "z4"]
    with xr.open_zarr(tmp_path / "latents.zarr", group="held_in", consolidated=True) as twin:
        assert twin["mean"].dims == ("time", "latent")


def test_a_diverged_fit_is_never_published(tmp_path):
    mean = np.zeros((3, 300, 4), np.float32)
    mean[1, 7, 2] = np.inf
    with pytest.raises(ArtefactError, match="1 of 3600 values of mean are not finite"):
        publish_latents(tmp_path, mean=mean)
    assert list(tmp_path.iterdir()) == []


def test_shapes_that_disagree_are_refused(tmp_path):
    with pytest.raises(ArtefactError, match="held_in/mean has shape"):
        publish_latents(tmp_path, held_in_mean=np.zeros((299, 4), np.float32))
    with pytest.raises(ArtefactError, match="log_evidence has shape"):
        publish_latents(tmp_path, log_evidence=np.zeros((3, 9), np.float32), evidence_bin=np.arange(10))


def test_latents_are_no_dataset(tmp_path):
    with pytest.raises(ArtefactError, match="describes a latents, where a dataset is wanted"):
        open_dataset(publish_latents(tmp_path))


def predictive() -> Predictive:
    probe = place_probe(np.ones(300, bool), 6)
    running = RunningStatistics(39, 6, probe)
    running.add(0, np.random.default_rng(0).poisson([0, 0.1, 0.2, 0.3, 0.4, 0.5], (39, 300, 6)))
    return Predictive(probe, running.statistics())


def test_statistics_of_draws_are_read_back_bit_by_bit(tmp_path):
    written = predictive()
    read = open_latents(publish_latents(tmp_path, predictive=written)).predictive
    assert np.isnan(written.drawn.fano_factor[:, 0]).all()
    for one, other in ((written.probe, read.probe), (written.drawn, read.drawn)):
        for name, values in vars(one).items():
            np.testing.assert_array_equal(getattr(other, name), values, name)
    with xr.open_zarr(tmp_path / "latents.zarr", group="predictive", consolidated=True) as group:
        assert group["correlation"].dims == ("draw", "pair")
        assert group["silent_bins"].dims == ("draw", "stretch")
        assert group["rate"].dims == group["fano_factor"].dims == ("draw", "unit")


def test_a_model_that_cannot_be_drawn_from_has_no_statistics(tmp_path):
    assert open_latents(publish_latents(tmp_path)).predictive is None
