import numpy as np
import pytest
import scipy.stats

from alveus.scores.reconstruction import reconstruction_by_decoder, reconstruction_by_readout
from alveus.scores.settings import ScoreSettings


def test_the_readout_beats_its_floors_with_true_latents(latents, counts, split):
    bits, nats = reconstruction_by_readout(latents[None], counts, split, ScoreSettings())
    assert bits.low > bits.floor
    assert nats.low > nats.floor
    assert bits.note.startswith("reconstruction")


def test_bits_and_nats_say_the_same(latents, counts, split):
    bits, nats = reconstruction_by_readout(latents[None], counts, split, ScoreSettings())
    spikes_per_bin = counts[split == 2].sum() / np.count_nonzero(split == 2)
    assert (nats.value - nats.floor) / np.log(2) / spikes_per_bin == pytest.approx(bits.value)


def test_a_decoder_that_knows_the_mean_rate_gains_nothing(counts, split):
    mean = scipy.stats.poisson(counts[split == 0].mean(axis=0)).logpmf(counts).sum(axis=1)
    bits, nats = reconstruction_by_decoder(mean[None], counts, split, ScoreSettings())
    assert bits.value == pytest.approx(0, abs=1e-9)
    assert bits.floor == 0
    assert nats.value == pytest.approx(nats.floor)


def test_counts_as_their_own_latents_win_so_it_is_named_reconstruction(latents, counts, split):
    truth = reconstruction_by_readout(latents[None], counts, split, ScoreSettings(shifts=5))[0]
    identity = reconstruction_by_readout(np.log(counts + 0.5)[None], counts, split, ScoreSettings(shifts=5))[0]
    assert identity.value > 1.5 * truth.value


def test_each_seed_has_its_rows(latents, counts, split):
    rows = reconstruction_by_readout(np.stack([latents, latents[:, ::-1]]), counts, split, ScoreSettings(shifts=5))
    assert [(r.score, r.seed) for r in rows] == [
        (score, seed) for seed in range(2) for score in ("bits_per_spike", "log_likelihood")
    ]
    assert rows[0].value == pytest.approx(rows[2].value)


def test_spikes_of_units_silent_in_training_are_told(counts, split):
    silenced = counts.copy()
    silenced[split != 2, 0] = 0
    bits = reconstruction_by_decoder(np.zeros((1, 4000)), silenced, split, ScoreSettings())[0]
    assert f"{silenced[:, 0].sum()} test spikes of units silent in training" in bits.note
