from pathlib import Path

import numpy as np
import pytest

from alveus.config.preprocess import BehaviorKinds
from alveus.errors import SettingError
from alveus.io import ReadOptions, modality, read_recording
from alveus.simulation import SIMULATIONS

SMALL = "lorenz?seed=3&conditions=2&trials=3&bins=20&units=5"


def test_a_name_with_options_is_the_simulators_recording():
    ours = read_recording("simulation", Path(SMALL))
    theirs = SIMULATIONS["lorenz"](seed=3, conditions=2, trials=3, bins=20, units=5)
    np.testing.assert_array_equal(np.asarray(ours.activity.counts), np.asarray(theirs.activity.counts))
    np.testing.assert_array_equal(ours.truth.latents, theirs.truth.latents)
    assert [b.name for b in ours.behavior] == [b.name for b in theirs.behavior]
    assert ours.source["file"] == SMALL
    assert modality("simulation", Path(SMALL)) == "spikes"


def test_a_simulation_says_whether_it_makes_spikes():
    assert modality("simulation", Path("pivae?seed=1")) == "spikes"
    assert modality("simulation", Path("table/ivae?seed=1")) == "signals"
    assert modality("simulation", Path("lorenz_calcium")) == "calcium"
    assert modality("simulation", Path("two_photon?seed=1")) == "calcium"
    with pytest.raises(SettingError, match="no simulation 'mixed'"):
        modality("simulation", Path("mixed"))


def test_a_number_may_be_given_as_an_option():
    recording = read_recording("simulation", Path("mixing?noise=0.5&bins=30&units=6"))
    assert recording.activity.values.shape == (30, 6)
    assert recording.source["noise"] == "0.5"


def test_a_field_of_view_is_read_with_its_truth_and_cut_to_the_span_asked_for():
    name = "two_photon?units=4&minutes=1&rate=20&indicator=jgcamp8m&dropped=0.05&bad_units=1"
    whole = read_recording("simulation", Path(name))
    part = read_recording("simulation", Path(name), ReadOptions(start=10.0, duration=20.0))
    assert whole.activity.values.shape == (1200, 4)
    assert whole.source["indicator"] == "jgcamp8m"
    assert (part.start, part.stop) == (10.0, 30.0)
    for cut, full in (
        (part.activity.values, whole.activity.values),
        (part.activity.neuropil, whole.activity.neuropil),
    ):
        np.testing.assert_array_equal(cut[:], full[200:600])
    np.testing.assert_array_equal(part.activity.missing, whole.activity.missing[200:600])
    np.testing.assert_array_equal(part.truth_spike_times[2], whole.truth_spike_times[2])


def test_settings_apply_to_a_simulation_as_to_a_file():
    kinds = BehaviorKinds(circular={"x": 2.0})
    recording = read_recording("simulation", Path(SMALL), ReadOptions(kinds=kinds, start=0.1))
    assert recording.behavior[0].kind == "circular"
    assert recording.start == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lorentz", "no simulation 'lorentz'; did you mean 'lorenz'"),
        ("lorenz?sed=1", "no option 'sed'; did you mean 'seed'"),
        ("lorenz?seed=x", "seed='x' must be a whole number"),
        ("lorenz?seed=1&seed=2", "'seed' is given twice"),
        ("lorenz?seed=-1", "seed"),
        ("lorenz?trials=0", "trials"),
        ("ivae?noise=nan", "noise is nan, give at least 0, and a finite number"),
        ("two_photon?indicator=gcamp", "no indicator 'gcamp'"),
        ("mixing?noise=much", "noise='much' must be a number"),
    ],
)
def test_what_a_simulator_does_not_know_is_named(name, words):
    with pytest.raises(SettingError, match=words) as caught:
        read_recording("simulation", Path(name))
    assert caught.value.exit_status == 2
