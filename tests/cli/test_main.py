"""The command line answers quickly, and says what it knows."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from alveus.cli import COMMANDS, main

HEAVY = ("numpy", "torch", "pandas", "zarr", "pydantic", "numba", "matplotlib", "h5py", "scipy")


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom alveus.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        f"sys.exit(','.join(m for m in {HEAVY!r} if m in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_subcommand_is_there_and_explains_itself(name):
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


def test_a_typo_is_met_with_a_suggestion():
    result = CliRunner().invoke(main, ["verfy"])
    assert result.exit_code == 2
    assert "Did you mean 'verify'?" in result.output
