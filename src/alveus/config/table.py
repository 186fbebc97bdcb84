"""A session table (TSV or CSV, or rows in the config) to checked rows."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from alveus.config.identifiers import collisions, identifier_problem
from alveus.config.preprocess import Preprocess
from alveus.config.problems import did_you_mean
from alveus.config.yaml import read_scalar
from alveus.errors import SettingError

FORMATS = ("alf", "caiman", "npz", "nwb", "phy", "simulation", "suite2p")
MODALITIES = ("spikes", "calcium")
REQUIRED = ("session", "format", "path")
OPTIONAL = ("sampling_rate", "behavior", "modality", "tau")
LONGEST_TAU = 60.0  # s; indicators decay in 0.1 to 3 s


@dataclass(frozen=True)
class SessionRow:
    """One row of a session table.

    Parameters
    ----------
    session
        Its id, always text: ``010`` stays ``010``.
    format
        Key of the readers' table.
    path
        As written: relative to the table.
    sampling_rate
        Samples per second [Hz], where the files do not say.
    behavior
        Path of a further npz file with behaviour, relative to the table.
    modality
        ``spikes`` or ``calcium`` where the file could be either.
    tau
        Time constant of the decay of the calcium indicator [s]; it goes before what the files say.
    preprocess
        Settings of the section preprocess for this session only.
    place
        File and line, for messages.
    """

    session: str
    format: str
    path: str
    sampling_rate: float | None = None
    behavior: str | None = None
    modality: Literal["spikes", "calcium"] | None = None
    tau: float | None = None
    preprocess: dict[str, Any] = field(default_factory=dict)
    place: str = ""


def read_table(path: Path) -> list[SessionRow]:
    """Read a session table.

    Raises
    ------
    SettingError
        With every problem of the table, each naming its line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise SettingError(f"{path.name}: no such session table: {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{path.name}: cannot be read as UTF-8 text: {error}") from error
    lines = text.splitlines()
    header_line = next((line for line in lines if line.strip()), "")
    delimiter = "\t" if "\t" in header_line else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    header: list[str] = []
    rows: list[tuple[str, dict[str, Any]]] = []
    problems: list[str] = []
    for cells in reader:
        place = f"{path.name} line {reader.line_num}"
        if not any(cell.strip() for cell in cells) or cells[0].lstrip().startswith("#"):
            continue
        if not header:
            header = [cell.strip() for cell in cells]
            problems += [f"{place}: the column {a!r} is given twice" for a, _ in collisions(header)]
            continue
        if len(cells) > len(header):
            problems.append(f"{place}: {len(cells)} cells but the header has {len(header)} columns")
            continue
        rows.append((place, {k: c.strip() for k, c in zip(header, cells, strict=False) if c.strip()}))
    if not header:
        problems.append(f"{path.name}: the table is empty: it needs the columns {', '.join(REQUIRED)}")
    return _check_rows(rows, problems)


def read_rows(rows: Iterable[Mapping[str, Any]], place: str) -> list[SessionRow]:
    """Check rows that are written in the config itself."""
    return _check_rows([(f"{place} row {i + 1}", dict(row)) for i, row in enumerate(rows)], [])


def _check_rows(rows: list[tuple[str, dict[str, Any]]], problems: list[str]) -> list[SessionRow]:
    known = (*REQUIRED, *OPTIONAL, *Preprocess.model_fields)
    unknown: dict[str, str] = {}
    checked = []
    for place, row in rows:
        for name in row:
            if name.split(".")[0] not in known and name not in unknown:
                unknown[name] = f"{place}: unknown column {name!r}; {did_you_mean(name, known)}"
        missing = [name for name in REQUIRED if not str(row.get(name, ""))]
        if missing:
            problems.append(f"{place}: {' and '.join(missing)} missing")
            continue
        problem = identifier_problem(str(row["session"]))
        if problem:
            problems.append(f"{place}: session {problem}")
            continue
        if row["format"] not in FORMATS:
            problems.append(
                f"{place}: unknown format {row['format']!r}; {did_you_mean(str(row['format']), FORMATS)}"
            )
            continue
        rate, rate_problem = _rate(row.get("sampling_rate"))
        tau, tau_problem = _tau(row.get("tau"))
        modality, modality_problem = _modality(row.get("modality"))
        wrong = [problem for problem in (rate_problem, tau_problem, modality_problem) if problem]
        if wrong:
            problems += [f"{place}: {problem}" for problem in wrong]
            continue
        checked.append(
            SessionRow(
                session=str(row["session"]),
                format=str(row["format"]),
                path=str(row["path"]),
                sampling_rate=rate,
                behavior=str(row["behavior"]) if row.get("behavior") else None,
                modality=modality,
                tau=tau,
                preprocess=_nested(
                    {k: v for k, v in row.items() if k not in (*REQUIRED, *OPTIONAL) and k not in unknown}
                ),
                place=place,
            )
        )
    problems = [*unknown.values(), *problems]
    for first, second in collisions(row.session for row in checked):
        same = "is listed twice" if first == second else f"and {first!r} differ only in case"
        places = " and ".join(row.place for row in checked if row.session in (first, second))
        problems.append(f"{places}: session {second!r} {same}")
    if problems:
        raise SettingError(*problems)
    return checked


def _rate(value: Any) -> tuple[float | None, str | None]:
    if value is None:
        return None, None
    try:
        rate = float(value)
    except (TypeError, ValueError):
        return None, f"sampling_rate {value!r} is not a number"
    if not 0 < rate < 1e9:
        return None, f"sampling_rate {value!r} is not a positive number of samples per second"
    return rate, None


def _tau(value: Any) -> tuple[float | None, str | None]:
    if value is None:
        return None, None
    try:
        tau = float(value)
    except (TypeError, ValueError):
        return None, f"tau {value!r} is not a number"
    if not 0 < tau < LONGEST_TAU:
        return None, f"tau {value!r} is not a time constant in seconds between 0 and {LONGEST_TAU:g}"
    return tau, None


def _modality(value: Any) -> tuple[Literal["spikes", "calcium"] | None, str | None]:
    match str(value or "").lower():
        case "":
            return None, None
        case "spikes":
            return "spikes", None
        case "calcium":
            return "calcium", None
    return None, f"modality {value!r} is unknown; {did_you_mean(str(value), MODALITIES)}"


def _nested(row: Mapping[str, Any]) -> dict[str, Any]:
    """Turn ``{'split.gap': '2'}`` into ``{'split': {'gap': 2}}``."""
    nested: dict[str, Any] = {}
    for name, value in row.items():
        *path, last = name.split(".")
        below = nested
        for part in path:
            below = below.setdefault(part, {})
        below[last] = read_scalar(value) if isinstance(value, str) else value
    return nested
