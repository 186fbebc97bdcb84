"""What stands for the code of a stage changes when the code does, and only then."""

import ast

from alveus.study import versions


def digest_of(source: str) -> list[str]:
    return list(versions._lines(versions._without_docstrings(ast.parse(source))))


def test_comments_layout_and_docstrings_do_not_count():
    plain = "def f(x):\n    return x + 1\n"
    dressed = '"""Title."""\n\ndef f(x):\n    """Add one."""\n    # why\n    return (x +\n        1)\n'
    assert digest_of(plain) == digest_of(dressed)


def test_code_counts():
    assert digest_of("x = 1") != digest_of("x = 2")
    assert digest_of("def f(a, b): pass") != digest_of("def f(b, a): pass")


def test_every_stage_reaches_its_code():
    digests = {stage: versions.stage_version(stage, "strict") for stage in versions.STAGES}
    assert all(len(digest) == 16 for digest in digests.values())
    assert digests["bin"] != digests["fit"]


def test_a_stage_reaches_what_its_modules_import():
    names = {path.name for path in versions._reached(versions.ENTRY["fit"])}
    assert "errors.py" in names
    assert "dataset.py" not in names  # storage is not what fitting depends on


def test_tracking_can_be_a_number_or_off():
    assert versions.stage_version("fit", "version") == str(versions.STAGES["fit"])
    assert versions.stage_version("fit", "off") == ""
