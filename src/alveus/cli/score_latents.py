"""Subcommand `score-latents`: a dataset and files of latents made elsewhere, to a table of scores."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alveus.cli.job import Job, log, run_stage, stage_options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from alveus.io.latents import FoundLatents
    from alveus.preprocessing.alignment import Aligned
    from alveus.storage import Dataset

PATH = click.Path(path_type=Path)
ELSEWHERE = "the latents were made elsewhere, and nothing is known of their model"


@click.command()
@click.argument("dataset", type=PATH)
@click.argument("latents", type=PATH, nargs=-1, required=True)
@click.argument("scores", type=PATH)
@click.option("--array", multiple=True, help="Name of an array in a npz file, or of a time series in NWB; a seed.")
@click.option("--held-in", type=PATH, help="Latents inferred without the held-out units, for co-smoothing.")
@click.option("--tolerance", type=click.FloatRange(min=0), default=0.0, show_default=True,
              help="How far from the centre of a bin without a sample its nearest one may lie [s].")  # fmt: skip
@click.option("--name", default="elsewhere", show_default=True, help="Of the model, in the table.")
@stage_options("score_latents")
def score_latents(
    job: Job,
    dataset: Path,
    latents: tuple[Path, ...],
    scores: Path,
    array: tuple[str, ...],
    held_in: Path | None,
    tolerance: float,
    name: str,
) -> None:
    """Score LATENTS made by any program on the dataset of DATASET (its dataset.json) and write the table SCORES.

    LATENTS are one or more npz, CSV, TSV or NWB files, aligned to bins by their times in seconds. Every file, and
    every array in a file, is a seed of the same model.
    """
    with run_stage(job, dataset):
        import numpy as np

        from alveus.cli.score import covariates, settings_of, write_scores
        from alveus.errors import RecordingError
        from alveus.io.latents import read_latents
        from alveus.scores.model_inputs import ModelScoreInputs
        from alveus.scores.rows import rows_to_csv, with_note
        from alveus.scores.score_model import score_model
        from alveus.storage import describe, open_dataset

        if scores.exists() and scores.suffix != ".csv":
            raise RecordingError(f"{scores} exists and is no .csv: the last argument is the table to write")
        data = open_dataset(dataset)
        found = [one for path in latents for one in read_latents(path, array)]
        shapes = {one.values.shape[1] for one in found}
        if len(shapes) > 1:
            sizes = ", ".join(f"{one.source} {one.values.shape[1]}" for one in found)
            raise RecordingError(
                f"seeds of one model have as many latents as each other: {sizes}; score each on its own"
            )
        twin = [] if held_in is None else read_latents(held_in)
        if len(twin) > 1:
            raise RecordingError(f"{held_in} holds {len(twin)} arrays of latents: co-smoothing takes one")
        in_bins = [_in_bins(one, data, tolerance) for one in (*found, *twin)]
        bins = _common_bins(in_bins, data)
        mean = np.stack([one.values[bins] for one in in_bins[: len(found)]])
        rows = score_model(
            ModelScoreInputs(
                counts=data.activity[:][bins],
                split=data.split[bins],
                held_out=data.held_out,
                mean=mean,
                held_in_mean=in_bins[-1].values[bins] if twin else None,
                no_evidence=ELSEWHERE,
                latent_names=found[0].names,
                quantity=data.quantity,
                behavior=covariates(data, bins),
                truth_latents=None if data.truth_latents is None else data.truth_latents[bins],
                settings=settings_of(job),
            )
        )
        if bins.size < data.n_bins:
            rows = [with_note(row, f"{bins.size} of {data.n_bins} bins have latents") for row in rows]
        write_scores(scores, rows_to_csv(rows, dataset=data.dataset, session=data.session, model=name))
        click.echo(f"{len(found)} seeds of {mean.shape[2]} latents in {bins.size} of {data.n_bins} bins")
        click.echo(describe(scores), nl=False)


def _in_bins(found: "FoundLatents", data: "Dataset", tolerance: float) -> "Aligned":
    """Align the latents of a seed, and tell what was left out."""
    import numpy as np

    from alveus.errors import RecordingError
    from alveus.preprocessing.alignment import Aligned, align

    if found.times is None:
        if len(found.values) != data.n_bins:
            raise RecordingError(
                f"{found.source} has {len(found.values)} samples without times, and the dataset {data.n_bins} "
                "bins: add the array `time` [s], one for each sample"
            )
        log.info("%s has no times: row i is bin i", found.source)
        return Aligned(found.values, np.ones(data.n_bins, bool), 0)
    aligned = align(found.times, found.values, data.time, data.bin_size, tolerance=tolerance, source=found.source)
    log.info(
        "%s: %d of %d bins have a sample; %d samples lie in no bin, %d held no number",
        found.source, np.count_nonzero(aligned.covered), data.n_bins, aligned.n_outside, found.n_empty,
    )  # fmt: skip
    return aligned


def _common_bins(seeds: "Sequence[Aligned]", data: "Dataset") -> "NDArray[np.intp]":
    """Return the bins that all seeds have, when they are enough to fit and to score anything."""
    import numpy as np

    from alveus.errors import RecordingError
    from alveus.scores.parts import too_few_bins

    bins: NDArray[Any] = np.flatnonzero(np.all([seed.covered for seed in seeds], axis=0))
    if why := too_few_bins(data.split[bins]):
        raise RecordingError(
            f"only {bins.size} of {data.n_bins} bins have latents of all {len(seeds)} seeds ({why}): "
            "infer latents of training and of test bins alike"
        )
    return bins
