"""Cells of scores.csv to rows, and rows to the one that a table shows."""

import numpy as np
import pandas as pd
import pytest

from alveus.report.model_table import competitors, main_columns
from alveus.report.score_rows import ScoreRow, read_rows, summary


def per_seed(*values, **other):
    return [ScoreRow("elbo", "vae", seed=str(i), value=v, **other) for i, v in enumerate(values)]


def test_empty_cells_are_nothing_and_never_zero():
    table = pd.DataFrame(
        {"score": ["kl", "kl"], "seed": [np.nan, 2.0], "value": [np.nan, 0.0], "note": [None, "x"]}
    )
    empty, zero = read_rows(table)
    assert (empty.seed, empty.value, empty.note, empty.ok) == ("", None, "", False)
    assert (zero.seed, zero.value, zero.ok) == ("2", 0.0, True)


def test_a_verdict_stays_a_word():
    row = read_rows(pd.DataFrame({"score": ["verdict"], "value": ["rotation"]}))[0]
    assert row.value == "rotation"


def test_the_apostrophe_that_guards_a_spreadsheet_is_taken_off():
    assert read_rows(pd.DataFrame({"score": ["kl"], "target": ["'=1+1"]}))[0].target == "=1+1"
    assert read_rows(pd.DataFrame({"score": ["kl"], "target": ["'tis"]}))[0].target == "'tis"


def test_a_row_that_spans_seeds_is_taken_as_it_is():
    spanning = ScoreRow("elbo", "vae", value=-3.0)
    assert summary([*per_seed(-1.0, -2.0), spanning], "elbo") is spanning


def test_rows_per_seed_become_their_median_with_the_envelope_and_the_highest_floor():
    rows = [
        ScoreRow("elbo", seed="0", value=1.0, low=0.5, high=1.5, floor=0.1),
        ScoreRow("elbo", seed="1", value=2.0, low=1.9, high=2.6, floor=0.3),
        ScoreRow("elbo", seed="2", value=9.0),
    ]
    row = summary(rows, "elbo")
    assert (row.value, row.low, row.high, row.floor) == (2.0, 0.5, 9.0, 0.3)
    assert row.note == "median of 3 seeds"


def test_the_spread_of_seeds_is_no_interval():
    row = summary(per_seed(1.0, 2.0, 4.0), "elbo")
    assert (row.value, row.low, row.high) == (2.0, None, None)


def test_seeds_that_are_not_estimable_are_counted():
    rows = [*per_seed(1.0, 3.0), ScoreRow("elbo", seed="2", status="not estimable", note="diverged")]
    row = summary(rows, "elbo")
    assert row.value == 2.0
    assert row.note == "median of 2 seeds, 1 not estimable"


def test_the_overall_target_comes_before_single_ones():
    rows = [ScoreRow("r2", target="unit 3", value=0.1), ScoreRow("r2", value=0.5)]
    assert summary(rows, "r2").value == 0.5
    assert summary(rows, "r2", "unit 3").value == 0.1


def test_a_score_nobody_computed_has_no_row():
    assert summary(per_seed(1.0), "mig") is None


@pytest.mark.parametrize("status", ["not estimable", "not defined"])
def test_the_reason_is_in_words(status):
    assert ScoreRow("mig", status=status, note="one factor").reason == f"{status}: one factor"


def test_other_decoders_and_labels_alone_are_no_columns_of_their_own():
    named = ("u", "u (nearest neighbours)", "u from labels alone", "distance from wall")
    rows = [ScoreRow("decoding_r2", "vae", target=target, value=0.5) for target in named]
    columns = main_columns({"vae": rows})
    assert [target for _, target in columns] == ["u", "distance from wall"]
    of_session = [
        ScoreRow("decoding_r2", target="u from raw counts (nearest neighbours)", value=0.4),
        ScoreRow("co_smoothing", target="held-out units from their own past", value=0.1),
        ScoreRow("bits_per_spike", target="all units from their own past", value=0.1),
    ]
    found = competitors(of_session, [("co_smoothing", ""), *columns])
    assert set(found) == {"raw counts (nearest neighbours)", "their own past"}
