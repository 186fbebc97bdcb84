"""Fixtures of the tests of calcium imaging."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def simulated():
    """The module of simulations beside this file: tests are imported without being packages."""
    spec = importlib.util.spec_from_file_location("simulated_calcium", Path(__file__).with_name("simulated.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
