"""Subcommands `score` and `score-session`: latents, or a dataset alone, to a table of scores."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alveus.cli.job import Job, log, run_stage, stage_options
from alveus.errors import ArtefactError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from alveus.scores.covariate import Covariate
    from alveus.scores.deconvolution import DeconvolutionScoreInputs
    from alveus.scores.rate_competitors import Trials
    from alveus.scores.settings import ScoreSettings
    from alveus.storage import Dataset

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("dataset", type=PATH)
@click.argument("latents", type=PATH)
@click.argument("scores", type=PATH)
@stage_options("score")
def score(job: Job, dataset: Path, latents: Path, scores: Path) -> None:
    """Score the latents of LATENTS on the dataset of DATASET and write the table SCORES."""
    with run_stage(job, dataset, latents):
        from alveus.config.models import TRAINED
        from alveus.scores.model_inputs import ModelScoreInputs
        from alveus.scores.rows import rows_to_csv
        from alveus.scores.score_model import score_model
        from alveus.storage import open_dataset, open_latents

        data, found = open_dataset(dataset), open_latents(latents)
        if found.inputs["dataset"] != data.digest:
            raise ArtefactError(f"{latents} is of another dataset than {dataset}: run fit and encode again")
        rows = score_model(
            ModelScoreInputs(
                counts=data.counts(),
                split=data.split,
                held_out=data.held_out,
                mean=found.mean,
                held_in_mean=found.held_in_mean,
                log_likelihood=found.log_likelihood,
                kl=found.kl,
                prior_variance=found.prior_variance,
                prior_mean=found.prior_mean,
                log_evidence=found.log_evidence,
                evidence_bin=found.evidence_bin,
                no_evidence=found.no_evidence,
                squared_error=found.squared_error,
                likelihood=_density(found.model_settings),
                bypassed=(found.model_settings["model"].get("decoder") or {}).get("kind") == "skip",
                predictive=found.predictive,
                reliance=found.reliance,
                gate=found.gate,
                quantity=data.quantity,
                behavior=covariates(data),
                truth_latents=data.truth_latents,
                scale=found.scale,
                posterior=found.model_settings["model"].get("posterior") or "diagonal",
                over_time=(found.model_settings["model"].get("prior") or {}).get("kind") == "autoregressive",
                settings=settings_of(job),
                validation_loss=found.validation_loss,
                trained=found.model_settings["model"]["method"] in TRAINED,
            )
        )
        write_scores(scores, rows_to_csv(rows, dataset=data.dataset, session=data.session, model=found.model))


@click.command()
@click.argument("dataset", type=PATH)
@click.argument("scores", type=PATH)
@click.argument("events", type=PATH, required=False)
@stage_options("score_session")
def score_session(job: Job, dataset: Path, scores: Path, events: Path | None) -> None:
    """Write the table SCORES of what DATASET, and the EVENTS it was made of, tell without any model."""
    with run_stage(job, dataset, *([events] if events else [])):
        from alveus.scores.rows import rows_to_csv
        from alveus.scores.score_session import SessionScoreInputs
        from alveus.scores.score_session import score_session as score_data
        from alveus.storage import open_dataset

        data = open_dataset(dataset)
        rows = score_data(
            SessionScoreInputs(
                counts=data.counts(),
                split=data.split,
                segment=data.segment,
                bin_size=data.bin_size,
                quantity=data.quantity,
                behavior=covariates(data),
                truth_latents=data.truth_latents,
                truth_ceiling=data.truth_ceiling,
                truth_ceiling_name=data.truth_ceiling_name or "",
                deconvolution=_deconvolution(events, data.bin_size, settings_of(job)) if events else None,
                settings=settings_of(job),
                held_out=data.held_out,
                trials=_trials(data),
            )
        )
        write_scores(scores, rows_to_csv(rows, dataset=data.dataset, session=data.session))


def _deconvolution(path: Path, bin_size: float, settings: "ScoreSettings") -> "DeconvolutionScoreInputs | None":
    """Open events beside the true spikes they should tell of; None where those are not known."""
    from alveus.scores.deconvolution import DeconvolutionScoreInputs
    from alveus.storage import open_events

    events = open_events(path)
    if events.true_spikes is None:
        return None
    return DeconvolutionScoreInputs(
        events=events.values(),
        true_spikes=events.true_spikes,
        unit_ids=tuple(events.unit_ids.tolist()),
        sampling_rate=events.sampling_rate,
        bin_size=bin_size,
        dff=events.values("dff") if "dff" in events else None,
        start=events.start,
        segment=events.segment,
        delays=events.delays,
        settings=settings,
    )


def _trials(data: "Dataset") -> "Trials | None":
    """Return which trial each bin belongs to; where trials overlap, the later one."""
    import numpy as np

    from alveus.scores.rate_competitors import Trials

    if data.trials is None:
        return None
    columns = {name: values for name, values in data.trials.items() if name not in ("start", "stop")}
    of_bin, bin_in_trial = np.full(data.n_bins, -1), np.zeros(data.n_bins, np.int64)
    first, last = (np.searchsorted(data.time, data.trials[end]) for end in ("start", "stop"))
    for trial, (start, stop) in enumerate(zip(first, last, strict=True)):
        of_bin[start:stop] = trial
        bin_in_trial[start:stop] = np.arange(stop - start)
    return Trials(of_bin, bin_in_trial, {name: values for name, values in columns.items() if values.ndim == 1})


def _density(settings: Mapping[str, Any]) -> str:
    """Name a model's own likelihood where it is one of real numbers; empty for others."""
    from alveus.config.models import COUNT_LIKELIHOODS

    likelihood = settings["model"].get("likelihood")
    return "" if likelihood is None or likelihood["kind"] in COUNT_LIKELIHOODS else str(likelihood["kind"])


def settings_of(job: Job) -> "ScoreSettings":
    """Return how floors and intervals are drawn."""
    from alveus.scores.settings import ScoreSettings

    return ScoreSettings(**job.settings)


def covariates(data: "Dataset", bins: "NDArray[np.intp] | None" = None) -> "dict[str, Covariate]":
    """Return the behaviour of a dataset in all bins, or in some."""
    from alveus.scores.covariate import Covariate

    return {
        name: Covariate(
            array.values if bins is None else array.values[bins], array.kind, array.period, array.labels
        )
        for name, array in data.behavior.items()
    }


def write_scores(path: Path, text: str) -> None:
    """Write a table of scores, whole or not at all."""
    from alveus.storage.manifest import write_atomically

    write_atomically(path, text.encode())
    log.info("%d scores", text.count("\n") - 1)
