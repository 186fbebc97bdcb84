import numpy as np
import pytest

from alveus.simulation.flow import BLOCKS, LAYERS, LOG_SCALE_LIMIT, CouplingFlow


def jacobian(flow, point):
    step = 1e-6
    shifts = step * np.eye(point.size)
    return ((flow(point + shifts) - flow(point - shifts)) / (2 * step)).T


@pytest.mark.parametrize("n_units", [8, 9])
def test_the_flow_can_be_inverted_and_keeps_volumes_within_the_limit_of_its_scales(n_units):
    flow = CouplingFlow(n_units, np.random.default_rng(0))
    most = LOG_SCALE_LIMIT * (n_units - n_units // 2) * BLOCKS * LAYERS
    for point in np.random.default_rng(1).standard_normal((5, n_units)):
        log_volume = np.linalg.slogdet(jacobian(flow, point))[1]
        assert 0 < abs(log_volume) < most


def test_two_latents_reach_every_unit_and_stay_two():
    flow = CouplingFlow(100, np.random.default_rng(0))
    x = flow(np.random.default_rng(1).standard_normal((200, 2)))
    assert x.shape == (200, 100)
    assert x.std(axis=0).min() > 0
    assert np.linalg.matrix_rank(jacobian(flow, np.array([0.3, -1.2])), tol=1e-4) == 2


def test_there_are_no_offsets():
    assert not CouplingFlow(10, np.random.default_rng(0))(np.zeros((1, 2))).any()
