"""Published artefacts and statuses of a session or a dataset to what its page is made of."""

import getpass
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from alveus.cli.drawn import Recorded
from alveus.cli.recorded import optical, rates_and_fano, snippet, trial_facts
from alveus.recording import Finding
from alveus.report.excerpts import example_bins, spread_bins
from alveus.report.inputs import (
    ActivityWindow,
    DatasetReport,
    Failure,
    LatentExcerpt,
    ModelReport,
    Provenance,
    SessionReport,
    SessionRow,
    StageStatus,
)
from alveus.storage import open_dataset, open_latents, read_manifest
from alveus.study.status import Status, read_statuses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from alveus.storage import Dataset

LOG_TAIL = 20  # lines of a failed stage's log that a page shows
PARTS = {"train": 0, "validation": 1, "test": 2, "gap": -1}


def session_report(folder: Path, work: Path, models: Sequence[str], settings: Mapping[str, Any]) -> SessionReport:
    """Collect what the page of a finished session shows.

    Parameters
    ----------
    folder
        Of the session's published artefacts.
    work
        Of its statuses.
    models
        Names of its models, in the order of the config.
    settings
        Of the section report.
    """
    data = open_dataset(folder / "dataset.json")
    behavior = tuple(data.behavior.values())
    window = example_bins(data.split, data.segment, max(1, round(settings["raster_seconds"] / data.bin_size)))
    cloud = spread_bins(data.n_bins, settings["max_points"])
    recorded = Recorded(data)
    reports = [
        _model(folder / name, data, window, cloud, recorded)
        for name in models
        if (folder / name / "latents.json").is_file()
    ]
    rates, fano = rates_and_fano(data)
    statuses = tuple(_stage(name, status) for name, status in _statuses(work, models))
    warnings = tuple(
        f"{status.stage}: {status.message}" for status in statuses if status.status not in ("done", "running")
    )
    return SessionReport(
        session=data.session,
        dataset=data.dataset,
        modality=data.modality,
        quantity=data.quantity,
        n_units=data.n_units,
        n_bins=data.n_bins,
        bin_size=data.bin_size,
        duration=data.facts.get("duration_s"),
        findings=tuple(Finding(**finding) for finding in data.findings),
        facts=data.facts,
        source=data.source,
        window=ActivityWindow(
            data.time[window],
            data.activity[window],
            tuple(snippet(array, data.time, window) for array in behavior),
        ),
        rates=rates,
        fano_factors=fano,
        optical=optical(folder / "events.json") if data.modality == "calcium" else None,
        trials=trial_facts(data),
        split={part: float(np.mean(data.split == code)) for part, code in PARTS.items()},
        models=tuple(reports),
        scores=read_scores([folder / "scores.csv", *(folder / name / "scores.csv" for name in models)]),
        statuses=statuses,
        provenance=Provenance(
            settings={"preprocess": data.settings, **{m.name: m.settings for m in reports}},
            versions=_versions(folder, models),
            digests={"raw data": str(data.manifest["inputs"]["fingerprint"]), "dataset": data.digest},
            device=_device(reports),
            command=f"alveus run . -- {folder}/report.html",
        ),
        warnings=warnings,
        private=_private(),
    )


def failed_session_report(
    dataset: str, session: str, work: Path, models: Sequence[str], settings: Mapping[str, Any]
) -> SessionReport | None:
    """Collect what the page of a session shows that has no results; None when no stage of it failed.

    Parameters
    ----------
    dataset, session
        Names.
    work, models
        As for `session_report`.
    settings
        Of the stage `bin`.
    """
    statuses = _statuses(work, models)
    failure = _failure(work, statuses)
    if failure is None:
        return None
    return SessionReport(
        session=session,
        dataset=dataset,
        statuses=tuple(_stage(name, status) for name, status in statuses),
        failure=failure,
        provenance=Provenance(
            settings=settings, command=f"alveus run . -- results/{dataset}/{session}/report.html"
        ),
        private=_private(),
    )


def dataset_report(
    dataset: str,
    results: Path,
    work: Path,
    sessions: Sequence[str],
    models: Mapping[str, Any],
    sweeps: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> DatasetReport:
    """Collect what the page of a dataset shows.

    Parameters
    ----------
    dataset
        Its name.
    results, work
        Its folders.
    sessions
        Ids in the order of the table.
    models
        Settings by name, in the order of the config.
    sweeps
        Of these models: name of a sweep → name of a member → the values that make it.
    """
    tables = [
        path
        for session in sessions
        for path in (results / session / "scores.csv", *(results / session / m / "scores.csv" for m in models))
    ]
    return DatasetReport(
        dataset=dataset,
        sessions=tuple(
            _session_row(session, results / session, work / session, list(models)) for session in sessions
        ),
        models=tuple(ModelReport(name, model.method, model.latents) for name, model in models.items()),
        scores=read_scores(tables),
        sweeps=sweeps,
        provenance=Provenance(
            settings={name: model.model_dump(mode="json") for name, model in models.items()},
            versions={
                name: version for s in sessions for name, version in _versions(results / s, list(models)).items()
            },
            command=f"alveus run . -- {results}/report.html",
        ),
        private=_private(),
    )


def read_scores(paths: Sequence[Path]) -> pd.DataFrame:
    """Read tables of scores into one; those that are not there are left out."""
    from alveus.scores.rows import COLUMNS

    tables = [pd.read_csv(path, dtype=str, keep_default_na=False) for path in paths if path.is_file()]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=list(COLUMNS), dtype=str)


def _session_row(session: str, folder: Path, work: Path, models: list[str]) -> SessionRow:
    statuses = _statuses(work, models)
    failure = _failure(work, statuses)
    sizes: dict[str, Any] = {}
    with suppress(Exception):
        manifest = read_manifest(folder / "dataset.json", "dataset")
        sizes = {name: manifest[name] for name in ("n_units", "n_bins", "bin_size")}
        sizes["duration"] = manifest["facts"].get("duration_s")
    page = (folder / "report.html").is_file()
    if failure is not None:
        return SessionRow(session, failure.outcome, failure.stage, failure.message, has_page=page, **sizes)
    complete = all((folder / model / "scores.csv").is_file() for model in models) and bool(sizes)
    return SessionRow(session, "done" if complete else "pending", has_page=page, **sizes)


def _statuses(work: Path, models: Sequence[str]) -> list[tuple[str, Status]]:
    """Return how each stage went, by model; not the page's own stage, nor one at work that it has no part in."""
    return [
        (name, status)
        for name in ("", *models)
        for status in read_statuses(work / name)
        if status.stage != "report" and (status.stage, status.state) != ("rates", "running")
    ]


def _stage(model: str, status: Status) -> StageStatus:
    name = f"{model} {status.stage}" if model else status.stage
    return StageStatus(name, status.state, status.message, status.attempt, status.seconds)


def _failure(work: Path, statuses: Sequence[tuple[str, Status]]) -> Failure | None:
    failed = [(model, status) for model, status in statuses if status.state == "failed"]
    if not failed:
        return None
    model, status = min(failed, key=lambda item: item[1].started)
    logs = sorted((work / model).glob(f"{status.stage}.*.log"), key=lambda path: path.stat().st_mtime)
    tail = "\n".join(logs[-1].read_text(errors="replace").splitlines()[-LOG_TAIL:]) if logs else ""
    name = f"{model} {status.stage}" if model else status.stage
    return Failure(name, status.exit_status, status.message, tail)


def _model(
    folder: Path, data: "Dataset", window: slice, cloud: "NDArray[np.int64]", recorded: Recorded
) -> ModelReport:
    fitted, latents = read_manifest(folder / "fit.json", "fit"), open_latents(folder / "latents.json")
    history = pd.read_csv(folder / "history.csv") if (folder / "history.csv").is_file() else None

    def excerpt(bins: Any) -> LatentExcerpt:
        behavior = tuple(snippet(array, data.time, bins) for array in data.behavior.values())
        scale = latents.scale[0][bins]
        return LatentExcerpt(
            data.time[bins], latents.mean[0][bins], data.split[bins], scale if scale.any() else None, behavior
        )

    return ModelReport(
        name=fitted["model"],
        method=fitted["method"],
        n_latents=fitted["n_latents"],
        n_seeds=fitted["n_seeds"],
        settings=fitted["settings"],
        history=history,
        course=excerpt(window),
        cloud=excerpt(cloud),
        drawn=recorded.beside(latents.predictive),
        notes=tuple(fitted["notes"]),
    )


def _versions(folder: Path, models: Sequence[str]) -> dict[str, str]:
    versions: dict[str, str] = {}
    for path in (folder / "dataset.json", *(folder / name / "fit.json" for name in models)):
        if path.is_file():
            versions |= read_manifest(path).get("software", {})
    return versions


def _device(models: Sequence[ModelReport]) -> str:
    trained = [model for model in models if model.history is not None and len(model.history)]
    if not trained:
        return ""
    on_cpu = any("CPU" in note for model in trained for note in model.notes)
    return "CPU" if on_cpu else str(trained[0].settings.get("device", ""))


def _private() -> tuple[str, ...]:
    """Names that do not belong on a page that leaves the laboratory."""
    names = [socket.gethostname()]
    with suppress(Exception):
        names.append(getpass.getuser())
    return tuple(names)
