"""What all tests share: the real recordings, where they are at hand."""

import os
from pathlib import Path

import hypothesis
import pytest

# no deadline: a busy machine is no failure; the same examples at every run of CI: a red run can be repeated
hypothesis.settings.register_profile("alveus", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("alveus")


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of the real recordings; the test is skipped where there are none."""
    folder = os.environ.get("ALVEUS_TEST_DATA")
    if not folder:
        pytest.skip("ALVEUS_TEST_DATA names no folder of real recordings")
    path = Path(folder)
    if not path.is_dir():
        pytest.skip(f"ALVEUS_TEST_DATA is {folder}, which is no folder")
    return path
