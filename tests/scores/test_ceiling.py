import numpy as np
import pytest

from alveus.scores.ceiling import _kernels, supervised_ceiling, windowed
from alveus.scores.settings import ScoreSettings
from alveus.scores.truth import truth_r2
from alveus.simulation import lorenz


def test_windows_do_not_reach_into_the_next_segment():
    counts = np.eye(6, dtype=np.uint8)
    segment = np.array([0, 0, 0, 1, 1, 1])
    kernels = np.ones((1, 5))
    expected = (segment[:, None] == segment[None]).astype(float)
    assert np.array_equal(windowed(counts, segment, kernels, 0, 6), expected)
    assert np.array_equal(windowed(counts, segment, kernels, 2, 5), expected[2:5])


@pytest.mark.parametrize("reach", [0, 1, 3, 12, 25])
def test_the_first_window_is_the_bin_itself(reach):
    kernels = _kernels(reach)
    assert kernels.shape[1] == 2 * reach + 1
    assert kernels[0].sum() == kernels[0, reach] == 1


def test_supervision_on_a_window_beats_single_bins(make_split):
    recording = lorenz(conditions=10, trials=8, bins=50)
    counts, truth = np.asarray(recording.activity.counts), recording.truth.latents
    split = make_split(4000)
    ceiling = supervised_ceiling(counts, recording.activity.segment, truth, split, ScoreSettings(), bin_size=0.01)
    per_bin = truth_r2(counts, truth, split, ScoreSettings())
    best = truth_r2(recording.truth.ceiling, truth, split, ScoreSettings())
    assert per_bin.value < ceiling.value < best.value
    assert ceiling.target == "ceiling (supervised ridge on a ±0.25 s window)"
