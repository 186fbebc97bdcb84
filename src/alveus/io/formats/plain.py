"""The behaviour and trials of the plain npz format, alone or beside a recording of any format."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from alveus.config.problems import did_you_mean
from alveus.errors import RecordingError
from alveus.io.files.archive import Archive
from alveus.io.found import Series, TrialTable
from alveus.io.options import ReadOptions
from alveus.recording import Finding

BEHAVIOR, TRIAL = "behavior_", "trial_"
TIME, START, STOP = "behavior_time", "trial_start", "trial_stop"


@dataclass
class Extra:
    """Behaviour and trials of a npz file."""

    series: list[Series] = field(default_factory=list)
    trials: TrialTable | None = None
    findings: list[Finding] = field(default_factory=list)


def read_extra(path: Path, options: ReadOptions) -> Extra:
    """Read a file that holds only behaviour and trials.

    Raises
    ------
    RecordingError
        When it holds neither, or is damaged.
    """
    archive = Archive(path, options.max_bytes)
    extra = Extra(series_of(archive), trials_of(archive))
    if not extra.series and extra.trials is None:
        raise RecordingError(
            f"{path.name} holds {', '.join(archive.names) or 'nothing'}: a behaviour file needs {TIME} and "
            f"{BEHAVIOR}<name>, or {START} and {STOP}"
        )
    known = [name for name in archive.names if name.startswith((BEHAVIOR, TRIAL))]
    extra.findings = unknown_keys(archive, known, [TIME, START, STOP])
    return extra


def series_of(archive: Archive) -> list[Series]:
    """Return the variables ``behavior_<name>`` of an archive.

    Raises
    ------
    RecordingError
        When there is no ``behavior_time`` for them.
    """
    names = [name for name in archive.names if name.startswith(BEHAVIOR) and name not in (TIME, BEHAVIOR)]
    if not names:
        return []
    if TIME not in archive:
        raise RecordingError(f"{archive.path.name} has {names[0]} but no {TIME}: give the time [s] of each sample")
    times = archive.read(TIME)
    return [Series(name.removeprefix(BEHAVIOR), times, archive.read(name)) for name in names]


def trials_of(archive: Archive) -> TrialTable | None:
    """Return the trials of an archive, if it has any.

    Raises
    ------
    RecordingError
        When starts or stops are missing.
    """
    names = [name for name in archive.names if name.startswith(TRIAL) and name != TRIAL]
    if not names:
        return None
    for needed in (START, STOP):
        if needed not in archive:
            raise RecordingError(
                f"{archive.path.name} has {names[0]} but no {needed}: trials need both, in seconds"
            )
    columns = {n.removeprefix(TRIAL): archive.read(n) for n in names if n not in (START, STOP)}
    return TrialTable(archive.read(START), archive.read(STOP), columns)


def unknown_keys(archive: Archive, used: Iterable[str], known: Iterable[str]) -> list[Finding]:
    """Return a finding for each array that nothing was made of, with the nearest known name."""
    left = [name for name in archive.names if name not in set(used)]
    known = list(known)
    return [
        Finding("unknown_key", 1, f"{archive.path.name}: {name!r} is not used; {did_you_mean(name, known)}")
        for name in left
    ]
