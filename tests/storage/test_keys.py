import re

from hypothesis import example, given
from hypothesis import strategies as st

from alveus.storage.keys import safe_keys


@given(st.lists(st.text(), unique=True))
@example(["a", "a_2", "A", "a_2_2", "a 2"])
@example(["../../etc", "c/0/0", "zarr.json", "", ".", "é", "x" * 300, "x" * 301, "\ud800"])
def test_every_name_has_a_key_of_its_own_that_is_safe_in_a_path(names):
    keys = safe_keys(names, taken=("start", "a"))
    assert list(keys) == names
    assert len({*keys.values(), "start", "a"}) == len(names) + 2
    assert all(re.fullmatch(r"[a-z0-9_]{1,80}", key) for key in keys.values())
    assert keys == safe_keys(names, taken=("start", "a"))
