import numpy as np

from alveus.baselines.bins import contiguous_blocks, root


def test_blocks_cover_every_training_bin_once_and_cross_no_gap():
    rng = np.random.default_rng(0)
    for _ in range(20):
        train = rng.random(300) < 0.9
        segment = np.cumsum(rng.random(300) < 0.02)
        covered = np.zeros(300, int)
        for block in contiguous_blocks(train, segment, 17):
            covered[block] += 1
            assert block.stop - block.start <= 17
            assert len(set(segment[block])) == 1
        assert np.array_equal(covered, train)


def test_rooted_poisson_counts_have_a_variance_of_one():
    counts = np.random.default_rng(0).poisson([4.0, 20.0, 100.0], (20_000, 3)).astype(np.uint8)
    np.testing.assert_allclose(root(counts).var(0), 1, atol=0.06)
