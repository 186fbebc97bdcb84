"""pyproject.toml to the exact versions in requirements.lock and, in step with it, the conda files.

Run with ``make lock`` after changing a dependency. Only pip can be asked here; the conda files name the same
versions and are checked for that, not solved.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}  # names that differ on conda-forge
PIP_ONLY = {"zarrs"}  # not known to be on conda-forge
HEAD = (
    "# Exact versions for pip, resolved on Python 3.11. torch is installed first, and kept where there is one.\n"
)


def resolve() -> dict[str, str]:
    """Ask pip for the versions it would install into an empty environment."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = ["-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", report.name]
        subprocess.run([sys.executable, *command, "torch==2.13.0", f"{ROOT}[dev]"], check=True)
        items = [item["metadata"] for item in json.load(report)["install"]]
    versions = {item["name"]: item["version"].split("+")[0] for item in items if item["name"] != "alveus"}
    return dict(sorted(versions.items(), key=lambda pair: pair[0].lower()))


def conda_file(name: str, requirements: list[str], versions: dict[str, str]) -> str:
    """Write a conda environment with the locked version of each requirement."""
    locked = {normal(package): version for package, version in versions.items()}
    names = sorted({normal(Requirement(text).name) for text in requirements})
    pins = [
        f"  - {CONDA_NAMES.get(package, package)}={locked[package]}"
        for package in names
        if package not in PIP_ONLY
    ]
    from_pip = [f"      - {package}=={locked[package]}" for package in names if package in PIP_ONLY]
    head = [f"name: {name}", "channels:", "  - conda-forge", "  - bioconda", "dependencies:", "  - python=3.11"]
    return "\n".join([*head, *pins, "  - pip", "  - pip:", *from_pip]) + "\n"


def normal(name: str) -> str:
    """Return a package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    run, dev = project["dependencies"], project["optional-dependencies"]["dev"]
    versions = resolve()
    lock = "".join(f"{package}=={version}\n" for package, version in versions.items())
    (ROOT / "envs" / "requirements.lock").write_text(HEAD + lock)
    (ROOT / "envs" / "alveus.yaml").write_text(conda_file("alveus", run, versions))
    (ROOT / "envs" / "dev.yaml").write_text(conda_file("alveus-dev", run + dev, versions))
