from itertools import combinations

import numpy as np

from alveus.simulation.seeds import generator


def test_simulators_seeds_and_parts_all_draw_differently():
    keys = [("a", 0), ("b", 0), ("a", 1), ("a", 0, 0), ("a", 0, 1), ("a", 0, 0, 0), ("a", 0, 0, 1), ("a", 1, 0)]
    drawn = [generator(*key).random(4) for key in keys]
    assert not any(np.array_equal(one, other) for one, other in combinations(drawn, 2))
    np.testing.assert_array_equal(generator("a", 0, 1).random(4), drawn[4])
