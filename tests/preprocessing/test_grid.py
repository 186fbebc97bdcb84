"""The grid of bins against fractions, one bin at a time."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveus.preprocessing.grid import Bins, Grid, exact, split_up

factors = st.fractions(min_value=Fraction(1, 3), max_value=10**6, max_denominator=10**9)


@given(factors, st.integers(-5, 10**7), st.integers(1, 30), st.integers(-(10**6), 10**12))
def test_edges_are_the_first_samples_not_before_them(factor, first, n, start):
    edges = Grid(start, factor).edges(first, first + n)
    wanted = [start + -((-j * factor.numerator) // factor.denominator) for j in range(first, first + n + 1)]
    assert edges.tolist() == wanted


@given(
    st.fractions(min_value=1, max_value=100), st.integers(0, 2**50), st.fractions(0, 2**40, max_denominator=10**12)
)
def test_products_beyond_64_bits_stay_exact(factor, j, offset):
    factor += Fraction(1, 10**17 + 3)
    whole, rest = split_up(j, j + 1, factor, offset)
    value = offset + j * factor
    assert whole[0] == value // 1
    assert rest[0] == pytest.approx(float(value - value // 1), abs=1e-12)


@given(factors, st.integers(0, 10**6), st.integers(0, 10**6), st.integers(-1000, 10**6))
def test_whole_bins_are_all_that_fit_and_no_more(factor, a, length, start):
    grid = Grid(start, factor)
    first, stop = grid.whole_bins(start + a, start + a + length)
    edge = lambda j: int(grid.edges(j, j)[0])  # noqa: E731
    assert edge(first) >= start + a
    assert first == 0 or edge(first - 1) < start + a
    if stop > first:
        assert edge(stop) <= start + a + length
    assert edge(stop + 1) > start + a + length


def test_the_written_number_is_meant_not_its_binary_neighbour():
    assert exact(np.float64(0.045)) == Fraction(9, 200)


def test_centres_and_segments_of_slices_agree_with_the_whole():
    bins = Bins(Fraction(3), Fraction(1, 50), 2, np.array([0, 20, 101]), np.array([5, 30, 1]))
    assert bins.n_bins == 36
    assert bins.segment(0, 36).tolist() == [0] * 5 + [1] * 30 + [2]
    whole = bins.time(0, 36)
    assert whole[0] == 3.02
    assert whole[35] == pytest.approx(3 + 101 / 50 + 0.02, abs=1e-12)
    for i in range(36):
        assert bins.time(i, i + 1)[0] == whole[i]
    assert bins.index_at(whole).tolist() == list(range(36))
    assert bins.index_at(whole + 1e-6).tolist() == list(range(1, 37))


def test_centres_do_not_lose_precision_over_ten_hours():
    bins = Bins(Fraction(0), Fraction(1, 200), 1, np.array([0]), np.array([7_200_000]))
    assert bins.time(7_199_999, 7_200_000)[0] == float(Fraction(2 * 7_199_999 + 1, 400))
