"""Scores learn from the table of trials which trial a bin belongs to, and how far into it."""

from types import SimpleNamespace

import numpy as np

from alveus.cli.score import _trials


def test_bins_are_counted_from_the_start_of_their_trial():
    trials = {"start": np.array([0.2, 0.5]), "stop": np.array([0.5, 0.7]), "kind": np.array(["a", "b"]),
              "place": np.zeros((2, 3))}  # fmt: skip
    found = _trials(SimpleNamespace(time=np.arange(10) / 10 + 0.05, n_bins=10, trials=trials))
    assert found.of_bin.tolist() == [-1, -1, 0, 0, 0, 1, 1, -1, -1, -1]
    assert found.bin_in_trial.tolist()[2:7] == [0, 1, 2, 0, 1]
    assert list(found.columns) == ["kind"]


def test_a_session_without_trials_has_none():
    assert _trials(SimpleNamespace(trials=None)) is None
