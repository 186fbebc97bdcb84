import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from alveus.scores.deconvolution import (
    RAW,
    RISES,
    SMOOTH,
    DeconvolutionScoreInputs,
    RunningCorrelation,
    deconvolution_r,
)
from alveus.scores.settings import ScoreSettings

RATE, BIN = 50.0, 0.1  # frames of 20 ms: two in a bin of 40 ms, five in one of the study's
N_FRAMES, N_UNITS = 6000, 6


@pytest.fixture(scope="module")
def counts():
    rng = np.random.default_rng(0)
    return rng.poisson(np.exp(rng.normal(-2, 1, (N_FRAMES, N_UNITS))))


def spikes_of(counts, rate=RATE, start=0.0, seed=1):
    rng = np.random.default_rng(seed)
    frames = [np.repeat(np.arange(len(column)), column) for column in counts.T]
    return tuple((frame + rng.random(frame.size)) / rate + start for frame in frames)


def score(events, counts, *, rate=RATE, bin_size=BIN, start=0.0, **further):
    spikes = further.pop("true_spikes", spikes_of(counts, rate, start))
    ids = tuple(f"roi{n}" for n in range(events.shape[1]))
    rows = deconvolution_r(DeconvolutionScoreInputs(events, spikes, ids, rate, bin_size, start=start, **further))
    return {row.target: row for row in rows}


def summed(values, k):
    return values[: len(values) // k * k].reshape(len(values) // k, k, -1).sum(axis=1)


def pearson(a, b):
    return np.array([np.corrcoef(x, y)[0, 1] for x, y in zip(a.T, b.T, strict=True)])


def test_events_that_count_the_spikes_of_every_frame_score_one_in_any_bins(counts):
    for bin_size in (0.1, 0.033, 0.0271):
        rows = score(counts.astype(np.float32), counts, bin_size=bin_size)
        assert [row.value for row in rows.values()] == pytest.approx([1.0] * 2 * (1 + N_UNITS))


def test_the_scale_of_events_means_nothing(counts):
    rng = np.random.default_rng(2)
    events = np.maximum(counts + rng.normal(0, 1, counts.shape), 0)
    small, large = score(events, counts), score(events * 1e-3, counts)
    assert [row.value for row in small.values()] == pytest.approx([row.value for row in large.values()])


def test_shuffled_events_score_nothing(counts):
    rows = score(np.random.default_rng(2).permutation(counts), counts)
    n_bins = N_FRAMES // 2
    assert max(abs(rows[f"unit roi{n}, 40 ms bins"].value) for n in range(N_UNITS)) < 4 / np.sqrt(n_bins)


def test_noise_lowers_it_as_the_formula_says(counts):
    noise = np.random.default_rng(2).normal(0, 0.5, counts.shape)
    rows = score(counts + noise, counts)
    expected = 1 / np.sqrt(1 + 0.25 / counts.var(axis=0))
    found = [rows[f"unit roi{n}, 100 ms bins"].value for n in range(N_UNITS)]
    assert found == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(("bin_size", "k", "target"), [(0.04, 2, "40 ms bins"), (0.1, 5, "100 ms bins")])
def test_events_a_bin_late_score_the_autocorrelation(counts, bin_size, k, target):
    spread = np.repeat(counts[::20], 20, axis=0)[:N_FRAMES]  # slow enough to be alike from bin to bin
    late = np.roll(spread, k, axis=0)
    rows = score(late, spread, bin_size=bin_size)
    expected = pearson(summed(late, k), summed(spread, k))
    assert 0.5 < expected.mean() < 0.99
    found = [rows[f"unit roi{n}, {target}"].value for n in range(N_UNITS)]
    assert found == pytest.approx(expected)
    assert rows[target].value == pytest.approx(np.median(expected))


def test_frames_are_shared_out_by_the_part_of_them_in_a_bin(counts):
    rng = np.random.default_rng(3)
    events, width = rng.exponential(size=counts.shape), 0.033
    edges = np.arange(int(N_FRAMES / RATE / width) + 1) * width
    frames = np.arange(N_FRAMES + 1) / RATE
    low = np.maximum(edges[:-1, None], frames[None, :-1])
    high = np.minimum(edges[1:, None], frames[None, 1:])
    weights = np.maximum(high - low, 0) * RATE
    rows = score(events + counts, counts, bin_size=width)
    expected = pearson(weights @ (events + counts), weights @ counts)
    assert [rows[f"unit roi{n}, 33 ms bins"].value for n in range(N_UNITS)] == pytest.approx(expected)


def test_floors_are_what_raw_traces_and_their_rises_score_in_the_same_bins(counts):
    dff = np.zeros(counts.shape)
    for i, spikes in enumerate(counts):
        dff[i] = 0.97 * dff[i - 1] + spikes if i else spikes
    dff += 100  # an offset costs no digits
    rows = score(counts * 1.0, counts, dff=dff)
    level, spikes = summed(dff, 2) / 2, summed(counts, 2)
    raw = pearson(level, spikes)
    rises = pearson(np.maximum(np.diff(level, axis=0, prepend=level[:1]), 0), spikes)
    assert rows[f"40 ms bins from {RAW}"].value == pytest.approx(np.median(raw))
    assert rows[f"40 ms bins from {RISES}"].value == pytest.approx(np.median(rises))
    smooth = gaussian_filter1d(dff, 0.05 * RATE, axis=0, mode="nearest")
    after = np.maximum(np.diff(smooth, axis=0, prepend=smooth[:1]), 0)
    smoothed = pearson(summed(after, 2), spikes)
    assert rows[f"40 ms bins from {SMOOTH}"].value == pytest.approx(np.median(smoothed), abs=1e-3)
    best = {RISES: np.median(rises), SMOOTH: np.median(smoothed), RAW: np.median(raw)}
    name = max(best, key=lambda floor: best[floor])
    summary = rows["40 ms bins"]
    assert (summary.floor, summary.floor_name) == (pytest.approx(best[name], abs=1e-3), name)
    of_unit = rows["unit roi3, 40 ms bins"]
    assert of_unit.floor == pytest.approx(max(raw[3], rises[3], smoothed[3]), abs=1e-3)


def test_rises_do_not_reach_across_a_gap(counts):
    """Two stretches, the second 50 higher: what rises there is the step between them, which is no rise."""
    segment = np.repeat([0, 1], N_FRAMES // 2)
    rng = np.random.default_rng(4)
    dff = rng.normal(size=counts.shape)
    stepped = dff + 50 * segment[:, None]
    flat, high = (score(counts * 1.0, counts, dff=trace, segment=segment) for trace in (dff, stepped))
    name = f"100 ms bins from {RISES}"
    assert high[name].value == pytest.approx(flat[name].value)
    whole = score(counts * 1.0, counts, dff=stepped)
    assert whole[name].value != pytest.approx(flat[name].value)


def test_frames_without_a_signal_are_left_out(counts):
    events, missing = counts.astype(float), np.zeros(N_FRAMES, bool)
    missing[1000:1003] = missing[4000] = True
    events[missing] = np.nan
    segment = np.zeros(N_FRAMES, int)
    segment[2000:2500] = -1
    events[2000:2500] = 77.0
    rows = score(events, counts, missing=missing, segment=segment)
    assert [row.value for row in rows.values()] == pytest.approx([1.0] * 2 * (1 + N_UNITS))


def test_spikes_are_placed_by_the_start_of_the_recording_and_the_delay_of_each_plane(counts):
    delays = np.arange(N_UNITS) * 0.004
    spikes = tuple(times + delay for times, delay in zip(spikes_of(counts, start=12.5), delays, strict=True))
    rows = score(counts * 1.0, counts, start=12.5, true_spikes=spikes, delays=delays)
    assert rows["40 ms bins"].value == pytest.approx(1)
    assert score(counts * 1.0, counts, start=12.5, true_spikes=spikes)["40 ms bins"].value < 1


def test_a_spike_on_the_edge_of_a_frame_belongs_to_it():
    """3/30, rounded down in the file, times 30 is less than 3."""
    counts = np.zeros((300, 1), int)
    counts[::7] = 1
    on_edge = np.nextafter(np.flatnonzero(counts[:, 0]) / 30, -1)
    rows = score(counts * 1.0, counts, rate=30.0, true_spikes=(on_edge,))
    assert rows["unit roi0, 40 ms bins"].value == pytest.approx(1)


def test_slow_recordings_are_scored_at_their_frame_rate(counts):
    rows = score(counts * 1.0, counts, rate=10.0, bin_size=0.5)
    row = rows["100 ms bins"]
    assert row.value == pytest.approx(1)
    assert row.note.startswith("at the frame rate, 10 Hz, since bins of 40 ms are shorter")
    assert "500 ms bins" in rows
    assert "frame rate" not in rows["500 ms bins"].note


def test_equal_widths_are_scored_once(counts):
    assert list(score(counts[:, :1] * 1.0, counts[:, :1], bin_size=0.04)) == [
        "40 ms bins",
        "unit roi0, 40 ms bins",
    ]


def test_units_that_cannot_be_scored_say_why_and_do_not_count(counts):
    events, spikes = counts.astype(float), list(spikes_of(counts))
    events[:, 0] = 0.1
    spikes[1] = np.empty(0)
    events[5, 2] = np.nan
    rows = score(events, counts, bin_size=0.033, true_spikes=tuple(spikes))
    why = {n: rows[f"unit roi{n}, 33 ms bins"] for n in range(N_UNITS)}
    assert [why[n].status for n in range(N_UNITS)] == ["ok", *["not estimable"] * 2, *["ok"] * 3]
    assert (why[0].value, why[0].note) == (0, "the events are constant")  # silence is no way to score better
    assert why[1].note == "no true spikes in the frames with a signal"
    assert why[2].note == "some events are not finite"
    median = rows["33 ms bins"]
    assert median.value == pytest.approx(1)
    assert "median of 4 of 6 units" in median.note
    assert "1 left out: some events are not finite" in median.note
    assert "no interval: only 4 units" in median.note
    assert median.low is None


def test_where_no_unit_can_be_scored_the_score_is_not_estimable(counts):
    silent = tuple(np.empty(0) for _ in range(N_UNITS))
    rows = score(counts * 1.0, counts, true_spikes=silent)
    assert [row.status for row in rows.values()] == ["not estimable"] * 2
    assert "none of 6 units can be scored: no true spikes in the frames" in rows["40 ms bins"].note
    short = score(counts[:15] * 1.0, counts[:15])
    assert "only 3 bins of 100 ms fit between gaps" in short["100 ms bins"].note


def test_the_interval_is_the_bootstrap_of_the_median(counts):
    rng = np.random.default_rng(5)
    wide = rng.poisson(0.3, (2000, 60))
    events = wide + rng.normal(0, 1, wide.shape) * rng.uniform(0.2, 2, 60)
    row = score(events, wide, settings=ScoreSettings(resamples=2000))["40 ms bins"]
    each = pearson(summed(events, 2), summed(wide, 2))
    draws = np.median(each[rng.integers(60, size=(4000, 60))], axis=1)
    assert row.value == pytest.approx(np.median(each))
    assert (row.low, row.high) == pytest.approx(tuple(np.percentile(draws, [2.5, 97.5])), abs=0.02)


def test_only_the_first_hundred_units_have_rows_of_their_own():
    counts = np.random.default_rng(6).poisson(0.5, (500, 130))
    rows = score(counts * 1.0, counts, bin_size=0.04)
    assert len(rows) == 101
    assert "the first 100 units have rows of their own" in rows["40 ms bins"].note


def test_a_correlation_joined_from_blocks_is_numpys():
    rng = np.random.default_rng(7)
    x, y = rng.normal(1e5, 1, (2, 1000, 4))
    y += x
    running = RunningCorrelation(4)
    for part in np.split(np.arange(1000), [1, 300, 301, 900]):
        running.add(x[part], y[part])
    np.testing.assert_allclose(running.values(), pearson(x, y), atol=1e-9)
