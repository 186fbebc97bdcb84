import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alveus.errors import ArtefactError
from alveus.storage.manifest import (
    digest_of,
    plain,
    read_manifest,
    to_json,
    write_atomically,
    write_manifest,
)

GOOD = {"kind": "fit", "schema": 1, "digest": "0", "artefact": "model.pt", "files": {"model.pt": [1, "0"]}}


def test_planning_a_workflow_loads_neither_zarr_nor_numpy():
    code = (
        "import sys, alveus.storage, alveus.storage.manifest, alveus.storage.publish, alveus.storage.verify, "
        "alveus.storage.show; print([m for m in ('zarr', 'numpy', 'pandas', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(max_examples=50)
@given(values)
def test_any_value_becomes_standard_json_and_stays_itself(value):
    def refuse(word):
        raise AssertionError(word)

    assert json.loads(to_json(value), parse_constant=refuse) == plain(value)


@settings(max_examples=50)
@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_keys_changes_no_digest(value):
    assert digest_of(value) == digest_of(dict(reversed(value.items())))


def test_numbers_of_numpy_are_numbers():
    value = {"a": np.float32(0.5), "b": np.arange(3), "c": (np.int64(2), np.nan), "d": np.bool_(True)}
    assert plain(value) == {"a": 0.5, "b": [0, 1, 2], "c": [2, None], "d": True}


def test_a_manifest_is_read_back(tmp_path):
    write_manifest(tmp_path / "deep" / "fit.json", GOOD)
    assert read_manifest(tmp_path / "deep" / "fit.json", "fit") == GOOD
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["fit.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "dataset"}, "describes a dataset, where a fit is wanted"),
        ({"schema": 99}, "newer alveus"),
        ({"digest": None}, "no manifest"),
        ({"files": [1]}, "no manifest"),
        ({"files": {"model.pt": "x"}}, "no manifest"),
        ({"artefact": "../model.pt"}, "no manifest"),
        ({"artefact": ".."}, "no manifest"),
        ({"files": {"/etc/passwd": [1, "0"]}}, "no manifest"),
        ({"files": {"model.pt/../../x": [1, "0"]}}, "no manifest"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, change, message):
    (tmp_path / "fit.json").write_text(json.dumps(GOOD | change))
    with pytest.raises(ArtefactError, match=message):
        read_manifest(tmp_path / "fit.json", "fit")


@pytest.mark.parametrize("text", ["", "{", "[]", "\xff", "[" * 100_000])
def test_a_torn_manifest_is_refused(tmp_path, text):
    (tmp_path / "fit.json").write_text(text, encoding="latin-1")
    with pytest.raises(ArtefactError, match=r"cannot be read|no manifest"):
        read_manifest(tmp_path / "fit.json")


def test_a_missing_manifest_says_what_to_do(tmp_path):
    with pytest.raises(ArtefactError, match="run its stage again"):
        read_manifest(tmp_path / "fit.json")


def test_drafts_that_killed_writers_left_are_gone_after_the_next_write(tmp_path):
    left = tmp_path / "scores.csv.tmp-99999999"
    left.write_text("half")
    write_atomically(tmp_path / "scores.csv", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["scores.csv"]
