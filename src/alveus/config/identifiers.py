"""Names that become folders and wildcards: what they may hold, and which collide."""

import re
from collections.abc import Iterable

MAX_LENGTH = 100  # file systems allow 255 bytes, and temporary names add to it
_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TAKEN = re.compile(r".*\.(zarr|json|csv|html|pt|tmp.*|old.*)", re.IGNORECASE)

IDENTIFIER = r"[A-Za-z0-9][A-Za-z0-9_.-]*"
"""Regular expression of an identifier, for wildcards."""


def identifier_problem(name: str) -> str | None:
    r"""Say what is wrong with a session, dataset or model name; None if nothing is.

    >>> identifier_problem("mouse-3_2024.05.01") is None
    True
    >>> identifier_problem("../x")
    "'../x' cannot name a folder: use letters, digits, '-', '_' and '.', starting with a letter or digit"
    >>> identifier_problem("a\n") is None
    False
    """
    if not name:
        return "the name is empty"
    if len(name) > MAX_LENGTH:
        return f"{name[:20]!r}… has {len(name)} characters: at most {MAX_LENGTH} are allowed"
    if not _PATTERN.fullmatch(name) or name.endswith("."):
        return (
            f"{name!r} cannot name a folder: use letters, digits, '-', '_' and '.', "
            "starting with a letter or digit"
        )
    if _TAKEN.fullmatch(name):
        return f"{name!r} ends like a file of alveus's own: use another name"
    return None


def collisions(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of names that are the same, or the same on a file system that ignores case.

    >>> collisions(["a", "B", "b", "a"])
    [('B', 'b'), ('a', 'a')]
    """
    seen: dict[str, str] = {}
    pairs = []
    for name in names:
        folded = name.casefold()
        if folded in seen:
            pairs.append((seen[folded], name))
        else:
            seen[folded] = name
    return pairs
