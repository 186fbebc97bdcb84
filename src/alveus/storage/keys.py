"""Free-text names of covariates and columns to keys that are safe as parts of a path."""

import re
import unicodedata
from collections.abc import Iterable

LONGEST_KEY = 60  # characters; leaves room for a number and a prefix under the 255 bytes of file systems
FALLBACK = "unnamed"  # for names without a single letter or digit of the Latin alphabet


def safe_keys(names: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a key for each name: lower-case ASCII letters, digits and underscores, all different.

    Parameters
    ----------
    names
        Free text, each once.
    taken
        Keys that are in use already.

    >>> safe_keys(["Head direction (°)", "head-direction", "位置"])
    {'Head direction (°)': 'head_direction', 'head-direction': 'head_direction_2', '位置': 'unnamed'}
    """
    used = set(taken)
    keys: dict[str, str] = {}
    for name in names:
        stem = _slug(name)
        key, number = stem, 1
        while key in used:
            number += 1
            key = f"{stem}_{number}"
        used.add(key)
        keys[name] = key
    return keys


def _slug(name: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", ascii_only).strip("_")[:LONGEST_KEY].strip("_") or FALLBACK
