import numpy as np
import pytest

from alveus.errors import SettingError
from alveus.simulation import SIMULATIONS, lorenz, lorenz_calcium

SMALL = {"conditions": 5, "trials": 4, "bins": 50, "units": 8}
GAMMA = np.exp(-0.01 / 0.3)


@pytest.fixture(scope="module")
def recording():
    return lorenz_calcium(**SMALL)


def by_trial(recording, values):
    return np.asarray(values[:]).reshape(recording.trials.start.size, SMALL["bins"], -1)


def test_it_is_found_by_its_name():
    assert SIMULATIONS["lorenz_calcium"] is lorenz_calcium


def test_latents_trials_and_behaviour_are_those_of_the_spikes(recording):
    spikes = lorenz(**SMALL)
    np.testing.assert_array_equal(recording.truth.latents, spikes.truth.latents)
    np.testing.assert_array_equal(recording.truth.ceiling, spikes.truth.ceiling)
    np.testing.assert_array_equal(recording.trials.columns["condition"], spikes.trials.columns["condition"])
    np.testing.assert_array_equal(recording.activity.segment, spikes.activity.segment)
    np.testing.assert_array_equal(recording.behavior[0].values, spikes.truth.latents[:, 0])
    assert (recording.activity.signal, recording.activity.sampling_rate) == ("dff", 100)


def test_true_spikes_fall_into_the_bins_of_the_same_seeds_counts(recording):
    edges = np.arange(len(recording.truth.latents) + 1) * 0.01
    counts = np.stack([np.histogram(times, edges)[0] for times in recording.truth_spike_times], axis=1)
    np.testing.assert_array_equal(counts, lorenz(**SMALL).activity.counts)
    assert all(np.all(np.diff(times) >= 0) for times in recording.truth_spike_times)


def test_without_noise_calcium_is_the_convolution_of_a_trials_spikes_with_an_exponential():
    clean = lorenz_calcium(noise=0, **SMALL)
    counts = by_trial(clean, lorenz(**SMALL).activity.counts).astype(float)
    kernel = GAMMA ** np.arange(SMALL["bins"])
    expected = np.stack(
        [[np.convolve(unit, kernel)[: SMALL["bins"]] for unit in trial.T] for trial in counts]
    ).transpose(0, 2, 1)
    np.testing.assert_allclose(by_trial(clean, clean.activity.values), expected, rtol=1e-6)


def test_noise_is_white_with_a_fifth_of_a_spikes_height(recording):
    noise = by_trial(recording, recording.activity.values) - by_trial(
        recording, lorenz_calcium(noise=0, **SMALL).activity.values
    )
    assert noise.std() == pytest.approx(0.2, rel=0.05)
    assert abs((noise[:, 1:] * noise[:, :-1]).mean() / noise.var()) < 4 / np.sqrt(noise.size)


def test_another_time_constant_changes_the_decay_and_nothing_else():
    slow = lorenz_calcium(noise=0, tau=1.0, **SMALL)
    trials = by_trial(slow, slow.activity.values)
    counts = by_trial(slow, lorenz(**SMALL).activity.counts)
    np.testing.assert_allclose(trials[:, 1:] - np.exp(-0.01) * trials[:, :-1], counts[:, 1:], atol=1e-4)


def test_impossible_options_are_named_all_at_once():
    with pytest.raises(SettingError) as refused:
        lorenz_calcium(units=0, tau=0.001, noise=-1)
    assert [p.split(": ")[1].split()[0] for p in refused.value.problems] == ["units", "tau", "noise"]
