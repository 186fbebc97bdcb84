"""Pickled dictionaries, against what NumPy itself unpickles."""

import collections
import pathlib
import pickle
import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from alveus.errors import RecordingError
from alveus.io.files.pickled import read_pickled_dict

LIMIT = 10**8

numbers = st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.none(), st.text(), st.binary())
values = st.recursive(
    numbers,
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)
plain_arrays = arrays.arrays(
    dtype=st.one_of(
        arrays.integer_dtypes(), arrays.floating_dtypes(sizes=(32, 64)), arrays.boolean_dtypes(),
        arrays.unicode_string_dtypes(max_len=5),
    ),
    shape=arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)  # fmt: skip


def save(path, content, protocol):
    """Save as np.save does, with any protocol."""
    holder = np.empty((), dtype=object)
    holder[()] = content
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        pickle.dump(holder, file, protocol=protocol)
    return path


@given(content=st.dictionaries(st.text(), values, max_size=5), protocol=st.integers(0, 5))
def test_plain_values_are_those_that_were_saved(tmp_path_factory, content, protocol):
    path = save(tmp_path_factory.mktemp("p") / "ops.npy", content, protocol)
    assert read_pickled_dict(path, LIMIT) == content


@given(array=plain_arrays, protocol=st.integers(2, 5), order=st.sampled_from("CF"))
def test_arrays_are_those_that_were_saved(tmp_path_factory, array, protocol, order):
    content = {"array": np.asarray(array, order=order), "scalar": array.reshape(-1)[0] if array.size else None}
    found = read_pickled_dict(save(tmp_path_factory.mktemp("p") / "ops.npy", content, protocol), LIMIT)
    np.testing.assert_array_equal(found["array"], array)
    assert found["array"].dtype == array.dtype.newbyteorder("=")
    if array.size:
        np.testing.assert_array_equal(found["scalar"], array.reshape(-1)[0])


def test_what_np_save_writes_is_read(tmp_path):
    content = {"fs": 30.0, "dict": collections.OrderedDict(a=1, b=[2]), "path": pathlib.PurePosixPath("/data/x"),
               "set": {1}, "objects": np.array([{"a": 1}, None], dtype=object)}  # fmt: skip
    np.save(tmp_path / "ops.npy", content)
    found = read_pickled_dict(tmp_path / "ops.npy", LIMIT)
    assert (found["fs"], found["dict"], found["path"], found["set"]) == (30.0, {"a": 1, "b": [2]}, "/data/x", [1])


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("stranger", [uuid.UUID(int=5), print, pathlib.Path.home, np.random.default_rng, eval])
def test_anything_else_is_refused_by_name(tmp_path, stranger, protocol):
    path = save(tmp_path / "ops.npy", {"fs": 30.0, "x": stranger}, protocol)
    with pytest.raises(RecordingError, match=r"asks for '[a-z_.A-Z]+'|is pickled with"):
        read_pickled_dict(path, LIMIT)


def test_what_holds_no_dictionary_is_refused(tmp_path):
    for content in (np.arange(3), np.array([1, {}], dtype=object)):
        np.save(tmp_path / "ops.npy", content)
        with pytest.raises(RecordingError, match="must hold one dictionary"):
            read_pickled_dict(tmp_path / "ops.npy", LIMIT)
    with pytest.raises(RecordingError, match="holds no dictionary"):
        read_pickled_dict(save(tmp_path / "ops.npy", [1, 2], 4), LIMIT)
