"""Statuses and manifests to one word and one reason per session."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from alveus.study.layout import session_folder, work_folder
from alveus.study.plan import Study
from alveus.study.status import Status, read_statuses

State = Literal["done", "failed", "refused", "running", "due"]


@dataclass(frozen=True)
class SessionProgress:
    """How far a session got.

    Parameters
    ----------
    dataset, session
        Which.
    state
        ``done``; ``failed`` (exit status 2, 75 or a bug); ``refused`` by a quality rule; ``running``, or killed
        while it ran; ``due``: not tried yet.
    reason
        The message of the stage that failed, with the stage's name.
    statuses
        Of all stages, models included.
    """

    dataset: str
    session: str
    state: State
    reason: str
    statuses: tuple[tuple[str, Status], ...]


def progress(study: Study) -> Iterator[SessionProgress]:
    """Tell how far each session of a study got, in the order of the tables."""
    for dataset, session in study.pairs():
        yield session_progress(study, dataset, session)


def session_progress(study: Study, dataset: str, session: str) -> SessionProgress:
    """Tell how far one session got."""
    models = list(study.datasets[dataset].models)
    statuses = [
        (model, status)
        for model in ("", *models)
        for status in read_statuses(study.folder / work_folder(dataset, session, model))
    ]
    failed = [(model, status) for model, status in statuses if status.state == "failed"]
    if failed:
        model, status = min(failed, key=lambda item: item[1].started)
        place = f"{model} {status.stage}" if model else status.stage
        state: State = "refused" if status.exit_status == 3 else "failed"
        return SessionProgress(dataset, session, state, f"{place}: {status.message}", tuple(statuses))
    missing = _missing(study, dataset, session, models)
    if not missing:
        return SessionProgress(dataset, session, "done", "", tuple(statuses))
    alive = [status for _, status in statuses if status.state == "running"]
    if alive:
        reason = f"{alive[0].stage} began on {alive[0].host} and has not ended"
        return SessionProgress(dataset, session, "running", reason, tuple(statuses))
    return SessionProgress(dataset, session, "due", f"not yet made: {missing[0]}", tuple(statuses))


def _missing(study: Study, dataset: str, session: str, models: list[str]) -> list[str]:
    folder = study.folder / session_folder(study.results, dataset, session)
    wanted = [*study.session_results(dataset, session), "report.html"]
    wanted += [f"{model}/{name}" for model in models for name in study.model_results(dataset, model)]
    return [name for name in wanted if not (folder / name).is_file()]
