r"""Text that may name folders and people to text that may leave the lab.

>>> mask("cannot read /home/jane/rat7/units.npz as jane", ("jane",))
'cannot read …/units.npz as …'
"""

import re
from collections.abc import Iterable

HDF5_ROOTS = "units|processing|acquisition|intervals|stimulus"
"""First parts of a path inside an NWB file: they say where the trouble is and name nobody."""

HOMES = {"home", "homes", "Users", "users"}
"""Folders whose entries are people's names."""

SHORTEST_NAME = 3  # hiding a one- or two-letter user name would eat ordinary words

ANYBODY = {"root", "user", "admin", "guest", "ubuntu", "localhost", "data", "lab"}
"""Names of users and hosts that tell nothing about who or where, and are words of ordinary sentences."""

_PART = r"[^\s/\\'\"<>:;,|()\[\]{}]"
_QUOTED = re.compile(r"""(?<=['"])(?:file://)?(?:[A-Za-z]:[\\/]|\\\\|/)[^'"\n]*(?=['"])""")
_POSIX = re.compile(rf"(?:file://|(?<![\w/.~…)\]}}]))(?!/(?:{HDF5_ROOTS})\b)/(?:{_PART}+/)+{_PART}*")
_WINDOWS = re.compile(rf"(?:\b[A-Za-z]:|\\\\{_PART}+)[\\/](?:{_PART}+[\\/])*{_PART}*")


def _last_part(found: re.Match[str]) -> str:
    """Keep the file's name, which the reader knows, and drop the way to it."""
    path = found.group().removeprefix("file://")
    if re.match(rf"/(?:{HDF5_ROOTS})\b", path):
        return path
    parts = [part for part in re.split(r"[\\/]+", path) if part]
    if len(parts) < 2:
        return path
    return "~" if parts[-2] in HOMES else f"…/{parts[-1]}"


def mask(text: str, private: Iterable[str] = ()) -> str:
    """Shorten absolute paths to their last part and hide private words.

    Paths inside an NWB file (``/units/spike_times``) and relative paths stay.

    Parameters
    ----------
    text
        Any text: a message, a command, the end of a log.
    private
        Whole words to replace by ``…``: user and host names, unless they could be anybody's.
    """
    for pattern in (_QUOTED, _POSIX, _WINDOWS):
        text = pattern.sub(_last_part, text)
    for word in private:
        if len(word) >= SHORTEST_NAME and word not in ANYBODY:
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "…", text)
    return text
