import numpy as np
import pytest
from scipy.integrate import quad

from alveus.simulation.indicators import INDICATORS

EVERY = pytest.mark.parametrize("name", INDICATORS)


def answer(indicator, time):
    """The published form of the answer to one spike, not scaled."""
    fast = np.exp(-time / indicator.decay)
    slow = indicator.slow_share * np.exp(-time / indicator.slow_decay)
    return (1 - np.exp(-time / indicator.rise)) * (fast + slow)


def height(indicator):
    return answer(indicator, np.linspace(0, 1, 200_001)).max()


@EVERY
def test_calcium_is_the_sum_of_the_answers_to_all_spikes(name):
    indicator = INDICATORS[name]
    rng = np.random.default_rng(0)
    spikes = rng.uniform(0, 11, 40)  # the last ones after the last frame
    ends = (np.arange(300) + 1) / 30
    elapsed = ends[:, None] - spikes
    each = np.where(elapsed > 0, answer(indicator, np.maximum(elapsed, 0)), 0)
    np.testing.assert_allclose(
        indicator.calcium(spikes, 300, 30.0), each.sum(axis=1) / height(indicator), rtol=1e-4, atol=1e-12
    )


@EVERY
def test_a_lone_spike_has_the_indicators_amplitude(name):
    indicator = INDICATORS[name]
    trace = indicator.dff(indicator.calcium(np.array([0.01]), 20_000, 10_000.0))
    assert trace.max() == pytest.approx(indicator.amplitude, rel=1e-3)
    assert trace[:100].max() == pytest.approx(0, abs=1e-12)


@EVERY
def test_constant_firing_leads_to_the_integral_of_the_answer(name):
    indicator = INDICATORS[name]
    steady = indicator.calcium_of_rate(np.full(20_000, 3.0), 1000.0)[-1]
    integral = quad(lambda t: answer(indicator, t), 0, 20, points=[0.01, 0.1, 1])[0] / height(indicator)
    assert steady == pytest.approx(3 * integral, rel=1e-3)


def test_gcamp6_is_nearly_linear_up_to_ten_spikes_and_saturates_later():
    indicator = INDICATORS["gcamp6s"]
    calcium = np.array([1.0, 2, 5, 10, 50, 500])
    per_spike = indicator.dff(calcium) / calcium / indicator.amplitude
    assert np.abs(per_spike[:4] - 1).max() < 0.1
    assert per_spike[4] < 0.6
    assert per_spike[5] < 0.1


def test_a_dye_answers_every_further_spike_less():
    steps = np.diff(INDICATORS["ogb1"].dff(np.arange(20.0)))
    assert (steps > 0).all()
    assert (np.diff(steps) < 0).all()


def test_another_cell_has_other_decays_and_the_same_height_of_calcium():
    cell = INDICATORS["jgcamp8s"].varied(amplitude=2, decay=1.5)
    calcium = cell.calcium(np.array([0.0]), 5000, 5000.0)
    assert calcium.max() == pytest.approx(1, rel=1e-3)
    assert cell.dff(np.array([1.0]))[0] == pytest.approx(1.2)
    assert (cell.decay, cell.slow_decay) == pytest.approx((0.12945, 0.6975))
