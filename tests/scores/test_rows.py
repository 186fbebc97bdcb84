import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveus.errors import AlveusError
from alveus.scores.rows import COLUMNS, Row, not_defined, not_estimable, rows_to_csv


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_the_columns_are_those_of_the_contract():
    assert ",".join(COLUMNS) == (
        "dataset,session,model,seed,score,target,value,low,high,floor,floor_name,status,note"
    )


@given(
    value=st.floats(allow_nan=False, allow_infinity=False, width=32),
    target=st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20),
)
def test_pandas_reads_back_what_was_written(value, target):
    text = rows_to_csv([Row("kl", target, 3, value)], dataset="d", session="s", model="m")
    table = pd.read_csv(io.StringIO(text), keep_default_na=False, dtype={"target": str})
    assert float(table["value"][0]) == pytest.approx(value, rel=1e-7)
    assert table["target"][0].removeprefix("'") == target.removeprefix("'")


@pytest.mark.parametrize("evil", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_text_that_a_spreadsheet_would_run_is_quoted(evil):
    row = read(rows_to_csv([Row("kl", evil, value=1.0, note=evil)], dataset=evil, session="s"))[0]
    assert row["target"] == row["note"] == row["dataset"] == f"'{evil}"


def test_negative_numbers_stay_numbers():
    row = read(rows_to_csv([Row("kl", value=-1.5, low=-2.0)], dataset="d", session="s"))[0]
    assert (row["value"], row["low"]) == ("-1.5", "-2")


def test_what_is_not_estimable_has_an_empty_value_and_a_reason():
    rows = [not_estimable("kl", "too short"), not_defined("kl", "no posterior", target="z1", seed=0)]
    for row in read(rows_to_csv(rows, dataset="d", session="s")):
        assert row["value"] == ""
        assert row["note"]


def test_a_verdict_is_a_word():
    assert read(rows_to_csv([Row("verdict", value="affine")], dataset="d", session="s"))[0]["value"] == "affine"


@pytest.mark.parametrize(
    "fields", [{"value": float("nan")}, {"value": None}, {"value": 1.0, "floor": float("inf")}]
)
def test_a_row_without_a_proper_number_is_a_bug(fields):
    with pytest.raises(AlveusError):
        Row("kl", **fields)
