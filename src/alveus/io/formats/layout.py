"""A session's path to the other folders that belong to it."""

from pathlib import Path

ALF = "alf"
HIGHEST = 3  # alf/probe00/pykilosort is two levels deep


def shared_folders(path: Path) -> list[Path]:
    """Return the folders above a probe's that hold what all probes of an ALF session share.

    >>> shared_folders(Path("session/alf/probe00/pykilosort"))
    [PosixPath('session/alf/probe00'), PosixPath('session/alf')]
    >>> shared_folders(Path("session/phy"))
    []
    """
    above = list(path.parents)[:HIGHEST]
    names = [folder.name for folder in above]
    return above[: names.index(ALF) + 1] if path.name != ALF and ALF in names else []


def is_shared_name(name: str) -> bool:
    """Tell whether a file is of the session and not of one probe: IBL marks those by its name space."""
    return name.startswith("_ibl_")
