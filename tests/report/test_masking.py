"""What is hidden before a page leaves the lab, and what must stay readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alveus.report.masking import mask


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cannot read /home/jane/rat7/units.npz", "cannot read …/units.npz"),
        ("cannot read '/home/jane doe/day 1/units.npz': empty", "cannot read '…/units.npz': empty"),
        ("home is /home/jane", "home is ~"),
        ("home is /gpfs/users/jane/", "home is ~"),
        ("C:\\Users\\jane\\data\\x.nwb is missing", "…/x.nwb is missing"),
        ("\\\\server\\lab\\x.nwb is missing", "…/x.nwb is missing"),
        ("open file:///home/jane/report.html", "open …/report.html"),
        ("PATH=/opt/jane/bin:/usr/local/bin", "PATH=…/bin:…/bin"),
        ("--directory=/scratch/jane/study -- all", "--directory=…/study -- all"),
    ],
)
def test_absolute_paths_keep_their_last_part_only(text, expected):
    assert mask(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "results/linear-track/rat7/report.html",
        "./data/x.npz and ../y.npz",
        "{dataset}/{session}/{model}",
        "12 spikes/s in 3/4 of the bins, and/or none",
        "the file has no /units/spike_times",
        "'/units/spike_times' is empty",
        "doi.org/10.1000/182",
        "1.5 nats / bin",
        "a ratio of 3:1, at 12:01:03",
    ],
)
def test_what_names_nobody_stays(text):
    assert mask(text) == text


def test_private_words_are_hidden_as_whole_words_only():
    assert mask("jane on node17: janet", ("jane", "node17")) == "… on …: janet"


def test_names_that_could_be_anybodys_are_left():
    assert mask("the square root of the data", ("root", "data")) == "the square root of the data"


def test_a_user_name_too_short_to_be_told_from_a_word_is_left():
    assert mask("a unit of me", ("me", "a")) == "a unit of me"


@given(st.lists(st.from_regex(r"[a-z0-9_.-]{1,12}", fullmatch=True), min_size=3, max_size=6), st.text(max_size=20))
def test_no_folder_on_the_way_to_a_file_is_shown(parts, before):
    parts = [f"x{part}" for part in parts]
    shown = mask(f"read {'/' + '/'.join(parts)}: no such file")
    assert shown == f"read …/{parts[-1]}: no such file"
    assert mask(mask(before)) == mask(before)
