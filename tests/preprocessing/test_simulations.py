"""Simulated recordings in bins: covariates that a prior can be conditioned on, and signals that are no counts."""

from pathlib import Path

import numpy as np

from alveus.io import read_recording
from alveus.preprocessing import prepare


def prepared(path, settings, **changes):
    recording = read_recording("simulation", Path(path))
    return recording, prepare(recording, settings(bin_size=0.02, **changes), session="s")


def test_signals_pass_as_real_numbers_with_labels_that_every_part_of_the_split_knows(settings):
    path = "ivae?segments=6&bins=1000&noise=0"
    recording, found = prepared(path, settings, split={"cycle": 20.0})
    assert (found.quantity, found.modality, found.n_bins) == ("dff", "calcium", 6000)
    signals = np.concatenate(list(found.activity(np.float32, 999)))
    np.testing.assert_array_equal(signals, recording.activity.values.astype(np.float32))
    label = found.behavior[0]
    codes = label.read(0, found.n_bins)
    assert (label.kind, label.labels, label.coverage) == ("categorical", tuple("012345"), 1.0)
    np.testing.assert_array_equal(codes, np.repeat(np.arange(6), 1000))
    split = found.split(0, found.n_bins)
    assert all(set(codes[split == part]) == set(range(6)) for part in (0, 1, 2))
    np.testing.assert_array_equal(found.truth.latents(0, 6000), recording.truth.latents.astype(np.float32))


def test_the_circular_label_is_at_every_bin_as_it_was_drawn(settings):
    recording, found = prepared("pivae?bins=500&units=10", settings)
    label = found.behavior[0]
    assert (label.name, label.kind, label.period, label.coverage) == ("u", "circular", 2 * np.pi, 1.0)
    off = label.read(0, 500) - recording.behavior[0].values
    assert np.abs((off + np.pi) % (2 * np.pi) - np.pi).max() < 1e-6
    assert found.quantity == "counts"
