"""Whole blocks of traces: spikes found again in simulations, invariances, notes and refusals."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from alveus.calcium.oasis import deconvolve
from alveus.calcium.statuses import FLAT, STATUSES
from alveus.errors import RecordingError, SettingError


@pytest.fixture(scope="module")
def traces(simulated):
    return simulated.simulate(np.random.default_rng(0), 12, 200, 30.0, 0.7, noise=0.3)


@pytest.mark.parametrize(("noise", "reached"), [(0.1, 0.99), (0.3, 0.93), (0.6, 0.75)])
def test_spikes_are_found_again(simulated, noise, reached):
    spikes, y = simulated.simulate(np.random.default_rng(1), 40, 600, 30.0, 0.7, noise=noise, firing=1.0)
    found = deconvolve(y.astype(np.float32), 30.0, order=1, decay=0.7, baseline="none")
    assert simulated.median_correlation(found.events, spikes, 3) >= reached


def test_a_rise_is_undone_by_order_2(simulated):
    spikes, y = simulated.simulate(np.random.default_rng(2), 10, 120, 120.0, 1.0, 0.1, noise=0.2)
    correlation = [
        simulated.median_correlation(deconvolve(y, 120.0, order=order, decay=1.0, **rest).events, spikes, 5)
        for order, rest in ((1, {}), (2, {"rise": 0.1}))
    ]
    assert correlation[1] > correlation[0] + 0.05


@pytest.mark.parametrize("order", [1, 2])
def test_a_spike_of_order_1_or_2_gives_an_event_of_its_height(simulated, order):
    spikes = np.zeros((1, 3000))
    spikes[0, [500, 1200, 2100]] = [1.0, 2.0, 0.7]
    rise = 0.06 if order == 2 else 0.0
    y = simulated.transients(spikes, 30.0, 0.7, rise) + 0.02 * np.random.default_rng(3).normal(size=spikes.shape)
    rest = {"rise": rise} if order == 2 else {}
    events = deconvolve(y, 30.0, order=order, decay=0.7, s_min=8.0, **rest).events[0]
    for frame in (500, 1200, 2100):
        assert events[frame - 1 : frame + 2].sum() == pytest.approx(spikes[0, frame], abs=0.06)


@pytest.mark.parametrize("order", [1, 2])
def test_units_do_not_depend_on_their_block_nor_on_threads(traces, order):
    _, y = traces
    whole = deconvolve(y, 30.0, order=order)
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda block: deconvolve(block, 30.0, order=order).events, (y[:5], y[5:])))
    np.testing.assert_array_equal(np.concatenate(parts), whole.events)


@pytest.mark.parametrize("rest", [{}, {"order": 1}, {"s_min": 3.0}, {"penalty": 2.0}, {"baseline": "joint"}])
def test_events_scale_with_the_trace(traces, rest):
    _, y = traces
    once, thrice = (deconvolve(k * y, 30.0, **rest).events for k in (1, 3))
    assert (once >= 0).all()
    np.testing.assert_allclose(thrice, 3 * once, atol=5e-3)


def test_what_was_used_is_told(traces):
    _, y = traces
    found = deconvolve(y, 30.0, order=1)
    assert np.median(found.decay) == pytest.approx(0.7, rel=0.1)
    np.testing.assert_allclose(found.noise_level, 0.31, rtol=0.1)
    assert (found.penalty > 0).all()
    assert found.notes == ("",) * 12
    assert found.events.dtype == np.float32


def test_traces_without_events_are_noted(traces):
    _, y = traces
    y = y[:3].copy()
    y[0] = 0.25
    y[1] = np.random.default_rng(4).normal(size=y.shape[1])
    found = deconvolve(y, 30.0)
    assert not found.events[0].any()
    assert found.status[0] == FLAT
    assert STATUSES[FLAT] in found.notes[0]
    assert "no transients" in found.notes[1]
    assert found.notes[2] == ""


def test_values_that_are_not_finite_are_refused_with_their_place(traces):
    y = traces[1].copy()
    y[3, 17] = np.nan
    with pytest.raises(
        RecordingError, match=r"1 values that are not finite, in 1 of 12 traces.*frame 17 of trace 3"
    ):
        deconvolve(y, 30.0)


def test_settings_out_of_range_are_refused(traces):
    y = traces[1]
    with pytest.raises(SettingError, match="order is 3"):
        deconvolve(y, 30.0, order=3)
    with pytest.raises(SettingError, match="rise needs order 2"):
        deconvolve(y, 30.0, order=1, rise=0.1)
    with pytest.raises(SettingError, match="each of 12 units"):
        deconvolve(y, 30.0, decay=[1.0, 2.0])
    with pytest.raises(SettingError, match="noise, or a number"):
        deconvolve(y, 30.0, penalty="strong")
    with pytest.raises(SettingError, match="running, joint or none"):
        deconvolve(y, 30.0, baseline="mode")
    with pytest.raises(SettingError, match="found with the penalty noise"):
        deconvolve(y, 30.0, baseline="joint", penalty=2.0)
    with pytest.raises(RecordingError, match="segments must begin"):
        deconvolve(y, 30.0, [5, 100])


def test_a_drifting_baseline_is_no_event(simulated):
    spikes, y = simulated.simulate(np.random.default_rng(5), 6, 300, 30.0, 0.7, 0.04, noise=0.2)
    drift = np.sin(np.arange(y.shape[1]) / 30 / 40) + 2.0  # five times the noise, in minutes
    found = [deconvolve(y + drift, 30.0, decay=0.7, rise=0.04, baseline=kind) for kind in ("running", "none")]
    running, none = (simulated.median_correlation(each.events, spikes, 3) for each in found)
    assert running > none + 0.1
    assert (
        simulated.median_correlation(deconvolve(y, 30.0, decay=0.7, rise=0.04).events, spikes, 3) < running + 0.03
    )
    np.testing.assert_allclose(found[0].baseline, drift.mean(), atol=0.5)


def test_importing_it_compiles_nothing():
    code = "import sys, alveus.calcium.oasis; print([m for m in ('numba', 'scipy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
