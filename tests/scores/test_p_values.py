import numpy as np
import pytest

from alveus.scores.p_values import benjamini_yekutieli, holm, with_p_values
from alveus.scores.rows import Row, rows_to_csv


def test_holm_agrees_with_the_steps_of_the_paper():
    # 0.01·4, 0.013·3 → not below the one before, 0.014·2 likewise, 0.19
    np.testing.assert_allclose(holm([0.19, 0.01, 0.014, 0.013]), [0.19, 0.04, 0.04, 0.04])


def test_holm_rejects_where_sequential_comparison_does():
    rng = np.random.default_rng(0)
    for _ in range(100):
        p = rng.uniform(0, 0.06, 6)
        ordered = np.sort(p)
        stops = np.flatnonzero(ordered > 0.05 / np.arange(6, 0, -1))
        rejected = int(stops[0]) if stops.size else 6
        assert np.count_nonzero(holm(p) <= 0.05) == rejected


def test_false_claims_among_dependent_targets_stay_below_the_level():
    rng = np.random.default_rng(1)
    family, rate = 0, 0.0
    for _ in range(1000):
        z = rng.standard_normal() + rng.standard_normal(8)
        order = np.sort(rng.standard_normal((2000, 1)) * np.sqrt(2), axis=0)[:, 0]
        p = 1 - np.searchsorted(order, z) / 2001
        family += bool((holm(p) < 0.05).any())
        rate += bool((benjamini_yekutieli(p) < 0.05).any())
    assert family / 1000 <= 0.06
    assert rate / 1000 <= 0.06


def test_p_values_stand_in_the_note_corrected_within_each_seed():
    rows = [
        Row("r2", "a", 0, 1.0, p=0.01),
        Row("r2", "b", 0, 1.0, p=0.2),
        Row("r2", "a", 1, 1.0, p=0.01, note="x"),
    ]
    noted = with_p_values([*rows, Row("r2", "c", value=0.5)])
    assert noted[0].note == "p = 0.01, 0.02 after Holm over 2 targets"
    assert noted[2].note == "x; p = 0.01"
    assert noted[3].note == ""
    assert all(row.p is None for row in noted)


@pytest.mark.parametrize("p", [None, 0.03])
def test_p_values_are_no_column(p):
    assert "p" not in rows_to_csv([Row("r2", value=1.0, p=p)], dataset="", session="").splitlines()[0].split(",")
