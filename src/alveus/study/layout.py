"""Where everything of a study lies, as paths relative to its folder."""

from pathlib import PurePosixPath

WORK = PurePosixPath("work")
"""Checkpoints, receipts, statuses and kept logs: nothing in it is a result, all of it may be deleted."""


def session_folder(results: str, dataset: str, session: str) -> PurePosixPath:
    """Folder of everything published of a session."""
    return PurePosixPath(results) / dataset / session


def work_folder(dataset: str, session: str = "", model: str = "") -> PurePosixPath:
    """Folder of what is needed only while a stage runs, or to tell how it went."""
    return WORK / dataset / session / model


STATUS_SUFFIX = ".status.json"
"""A stage's status lies at ``work/…/{stage}.status.json``."""
