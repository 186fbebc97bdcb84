"""The package imports lightly and offers what it says."""

import subprocess
import sys

import alveus


def test_every_public_name_is_there():
    for name in alveus.__all__:
        assert callable(getattr(alveus, name))


def test_importing_the_package_loads_nothing_heavy():
    code = "import alveus, sys; sys.exit(any(m in sys.modules for m in ('numpy', 'torch', 'zarr', 'pydantic')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
