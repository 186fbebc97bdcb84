import subprocess
import sys

import alveus.io
from alveus.config.table import FORMATS
from alveus.io import READERS


def test_every_format_of_the_session_table_has_a_reader():
    assert set(READERS) == set(FORMATS)


def test_the_package_offers_what_it_says():
    for name in alveus.io.__all__:
        assert getattr(alveus.io, name) is not None


def test_reading_one_format_imports_no_other_and_nothing_heavy():
    script = (
        "import sys, alveus.io.formats.npz, alveus.io.formats.phy; "
        "heavy = ('h5py', 'pandas', 'scipy', 'numba', 'torch', 'zarr', 'alveus.io.formats.alf'); "
        "print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
