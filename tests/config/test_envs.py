"""The pip lock, the conda files and the package ask for versions that agree."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


def locked() -> dict[str, str]:
    lines = (ROOT / "envs" / "requirements.lock").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def conda(name: str) -> dict[str, str]:
    dependencies = yaml.safe_load((ROOT / "envs" / name).read_text())["dependencies"]
    pins = [item for item in dependencies if isinstance(item, str) and item != "pip"]
    from_pip = [
        item.replace("==", "=") for group in dependencies if isinstance(group, dict) for item in group["pip"]
    ]
    return dict(item.split("=", 1) for item in [*pins, *from_pip])


@pytest.mark.parametrize("requirement", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"])
def test_the_lock_satisfies_the_package(requirement):
    wanted = Requirement(requirement)
    lock = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in locked().items()}
    assert wanted.specifier.contains(lock[wanted.name.lower()])


@pytest.mark.parametrize(
    ("file", "requirements"),
    [
        ("alveus.yaml", PROJECT["dependencies"]),
        ("dev.yaml", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]),
    ],
)
def test_conda_files_name_the_same_versions_as_the_lock(file, requirements):
    lock = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in locked().items()}
    wanted = {Requirement(r).name.lower(): lock[Requirement(r).name.lower()] for r in requirements}
    wanted = {CONDA_NAMES.get(name, name): version for name, version in wanted.items()}
    found = conda(file)
    assert found.pop("python")
    assert {name.lower(): version for name, version in found.items()} == wanted
