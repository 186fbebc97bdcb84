"""config.yaml and its session tables to a checked study, with every problem named at once."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from alveus.config.identifiers import collisions, identifier_problem
from alveus.config.models import Model, Training, Vae
from alveus.config.networks import SkipDecoder
from alveus.config.preprocess import Preprocess
from alveus.config.problems import did_you_mean, sentences
from alveus.config.schedules import AnySchedule, settled_at
from alveus.config.section import merge
from alveus.config.study import Config, Dataset, Report, Scores
from alveus.config.sweep import Members, expand_sweeps
from alveus.config.table import SessionRow, read_rows, read_table
from alveus.config.yaml import read_scalar, read_yaml
from alveus.errors import SettingError

CONFIG_FILE = "config.yaml"
S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True)
class SessionSettings:
    """One session with all its settings in place.

    Parameters
    ----------
    row
        Its row of the table.
    path, behavior
        Raw data and further behaviour, relative to the study unless written as absolute.
    preprocess
        The study's section with the dataset's and the row's own settings laid over it.
    """

    row: SessionRow
    path: str
    behavior: str | None
    preprocess: Preprocess


@dataclass(frozen=True)
class DatasetSettings:
    """One dataset with all its settings in place; sessions by id, models by name."""

    name: str
    sessions: dict[str, SessionSettings]
    models: dict[str, Model]
    training: Training
    scores: Scores
    report: Report
    seeds: int


@dataclass(frozen=True)
class StudySettings:
    """A whole study: the config as written, its datasets with everything in place, the members of sweeps."""

    config: Config
    datasets: dict[str, DatasetSettings]
    sweeps: Members = field(default_factory=dict)


def load_study(folder: Path, overrides: Mapping[str, Any] | None = None) -> StudySettings:
    """Read and check the config and all session tables of a study.

    Parameters
    ----------
    folder
        The study: where config.yaml lies.
    overrides
        Settings laid over the file, as ``snakemake --config`` gives them: text is read like YAML.

    Raises
    ------
    SettingError
        With every problem found in the config and in all tables.
    """
    raw = merge(read_yaml(folder / CONFIG_FILE), _from_command_line(overrides or {}))
    models = raw.get("models") or {}
    members: Members = {}
    if isinstance(models, Mapping):
        try:
            models, members = expand_sweeps(models)
        except SettingError as error:
            raise SettingError(*(f"{CONFIG_FILE}: {problem}" for problem in error.problems)) from error
    raw = _with_members({**raw, "models": models}, members)
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        tables = _further_problems(raw, folder)
        raise SettingError(*sentences(error, Config, CONFIG_FILE), *tables) from error
    problems = [
        f"{CONFIG_FILE}: {group}.{name}: {problem}"
        for group in ("datasets", "models")
        for name in getattr(config, group)
        if (problem := identifier_problem(name))
    ]
    problems += [
        f"{CONFIG_FILE}: datasets {a!r} and {b!r} differ only in case" for a, b in collisions(config.datasets)
    ]
    problems += [
        f"{CONFIG_FILE}: models {a!r} and {b!r} differ only in case" for a, b in collisions(config.models)
    ]
    if Path(config.results).is_absolute() or ".." in Path(config.results).parts:
        problems.append(f"{CONFIG_FILE}: results: {config.results!r} must be a folder inside the study")
    datasets = {}
    for name, dataset in config.datasets.items():
        try:
            datasets[name] = _dataset(name, dataset, config, raw, folder)
        except SettingError as error:
            problems += error.problems
    if problems:
        raise SettingError(*problems)
    return StudySettings(config, datasets, members)


def _with_members(raw: Mapping[str, Any], members: Members) -> dict[str, Any]:
    """Replace the name of a sweep in a dataset's list of models by its members."""
    datasets = raw.get("datasets")
    if not members or not isinstance(datasets, Mapping):
        return dict(raw)

    def named(dataset: Any) -> Any:
        wanted = dataset.get("models") if isinstance(dataset, Mapping) else None
        if not isinstance(wanted, list):
            return dataset
        return {**dataset, "models": [m for name in wanted for m in members.get(str(name), [name])]}

    return {**raw, "datasets": {name: named(dataset) for name, dataset in datasets.items()}}


def _dataset(name: str, dataset: Dataset, config: Config, raw: Mapping[str, Any], folder: Path) -> DatasetSettings:
    place = f"{CONFIG_FILE}: datasets.{name}"
    problems: list[str] = []

    def laid_over(section: type[S], key: str, *layers: Mapping[str, Any], where: str = place) -> S | None:
        values: dict[str, Any] = dict(raw.get(key) or {})
        for layer in layers:
            values = merge(values, layer)
        try:
            return section.model_validate(values)
        except ValidationError as error:
            problems.extend(sentences(error, section, f"{where}.{key}" if where == place else where))
            return None

    preprocess = laid_over(Preprocess, "preprocess", dataset.preprocess)
    training = laid_over(Training, "training", dataset.training)
    scores = laid_over(Scores, "scores", dataset.scores)
    report = laid_over(Report, "report", dataset.report)
    problems += _unknown_models(place, dataset.models or (), config.models)
    names = config.models if dataset.models is None else dataset.models
    sessions: dict[str, SessionSettings] = {}
    try:
        rows, base = _rows(name, dataset, folder)
    except SettingError as error:
        problems += error.problems
        rows, base = [], folder
    for row in rows:
        settings = preprocess
        if row.preprocess:
            settings = laid_over(Preprocess, "preprocess", dataset.preprocess, row.preprocess, where=row.place)
        if settings is None:
            continue
        sessions[row.session] = SessionSettings(
            row, _path(row, base, folder), _relative(row.behavior, base, folder), settings
        )
    if not rows and not problems:
        problems.append(f"{place}: there is no session in the table")
    if problems or training is None or scores is None or report is None:
        raise SettingError(*problems)
    models = {m: config.models[m] for m in names}
    problems = [
        f"{place}: model {m!r} {changes} for {steps} steps, but training.max_steps is {training.max_steps}: it "
        "would never get there"
        for m, model in models.items()
        for changes, schedule in _schedules(model)
        if (steps := settled_at(schedule)) >= training.max_steps
    ]
    if problems:
        raise SettingError(*problems)
    return DatasetSettings(name, sessions, models, training, scores, report, dataset.seeds or config.seeds)


def _schedules(model: Model) -> Iterator[tuple[str, AnySchedule]]:
    """Yield what changes in training, in words, and how."""
    if isinstance(model, Vae):
        yield "warms up", model.beta
    decoder = getattr(model, "decoder", None)
    if isinstance(decoder, SkipDecoder) and not isinstance(decoder.gate, str):
        yield "moves its gate", decoder.gate


def _rows(name: str, dataset: Dataset, folder: Path) -> tuple[list[SessionRow], Path]:
    if isinstance(dataset.sessions, str):
        table = folder / dataset.sessions
        return read_table(table), table.parent
    return read_rows(dataset.sessions, f"{CONFIG_FILE}: datasets.{name}.sessions"), folder


def _path(row: SessionRow, base: Path, folder: Path) -> str:
    if row.format == "simulation":
        return row.path
    return _relative(row.path, base, folder) or row.path


def _relative(path: str | None, base: Path, folder: Path) -> str | None:
    """Turn a path relative to a table into one relative to the study, so that a moved study is the same study."""
    if path is None or Path(path).is_absolute():
        return path
    return Path(os.path.relpath(base / path, folder)).as_posix()


def _unknown_models(place: str, wanted: Iterable[str], models: Iterable[str]) -> list[str]:
    known = list(models)
    return [f"{place}.models: no model {m!r}; {did_you_mean(str(m), known)}" for m in wanted if m not in known]


def _further_problems(raw: Mapping[str, Any], folder: Path) -> list[str]:
    """Look into tables and names of models when the config itself is wrong, so that one run names everything."""
    problems: list[str] = []
    datasets, models = raw.get("datasets"), raw.get("models") or {}
    for name, dataset in (datasets if isinstance(datasets, dict) else {}).items():
        if not isinstance(dataset, dict):
            continue
        wanted = dataset.get("models")
        if isinstance(wanted, list) and isinstance(models, dict):
            problems += _unknown_models(f"{CONFIG_FILE}: datasets.{name}", wanted, models)
        sessions = dataset.get("sessions")
        if isinstance(sessions, str):
            try:
                read_table(folder / sessions)
            except SettingError as error:
                problems += error.problems
    return problems


def _from_command_line(overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _from_command_line(value)
        if isinstance(value, Mapping)
        else read_scalar(value)
        if isinstance(value, str)
        else value
        for key, value in overrides.items()
    }
