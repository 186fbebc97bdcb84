"""Subcommand `sample`: a fitted model to a novel recording in the plain npz format."""

import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alveus.cli.job import set_threads
from alveus.errors import AlveusError, SettingError

if TYPE_CHECKING:
    from alveus.encode.sample import Sample
    from alveus.storage import Dataset

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("model", type=PATH)
@click.argument("dataset", type=PATH)
@click.argument("out", type=PATH)
@click.option("--seed", default=0, show_default=True, help="Which fit to draw from.")
@click.option("--random-seed", default=0, show_default=True, help="Of the draw: another one, another recording.")
@click.option("--bins", type=click.IntRange(min=1), help="Draw one stretch of so many bins instead.")
@click.option("--threads", default=1, show_default=True, help="Threads for torch and BLAS.")
def sample(
    model: Path, dataset: Path, out: Path, seed: int, random_seed: int, bins: int | None, threads: int
) -> None:
    """Draw a recording from the model of MODEL (a fit.json) and write it to OUT, a file of the plain npz format.

    It has the bins, segments and units of DATASET (the dataset.json that the model was fitted to), and a
    conditional prior is given the conditions of that session. The latents that it was drawn at stand in it as the
    truth, so that the file is a session like any other, whose truth is known.
    """
    set_threads(threads)
    try:
        _sample(model, dataset, out, seed, random_seed, bins, threads)
    except AlveusError as error:
        click.echo(f"alveus sample: {error}", err=True)
        sys.exit(error.exit_status)


def _sample(
    model: Path, dataset: Path, out: Path, seed: int, random_seed: int, bins: int | None, threads: int
) -> None:
    from alveus.cli.fitted import open_fitted
    from alveus.config.models import EVENT_LIKELIHOODS
    from alveus.encode.sample import sample as draw
    from alveus.fit.conditions import conditions_of
    from alveus.storage.manifest import write_atomically

    if out.suffix != ".npz":
        raise SettingError(f"{out}: a recording of the plain format is a file that ends in .npz: name it so")
    if out.exists():
        raise SettingError(f"{out}: is there already, and nothing is written over: choose another name")
    data, _, weights, settings = open_fitted(dataset, model)
    conditions = conditions_of(data, settings)
    segment = data.segment
    if bins is not None:
        if conditions is not None and bins > data.n_bins:
            raise SettingError(
                f"--bins {bins}: the prior depends on what is known of each bin, and the session has "
                f"{data.n_bins}: draw at most so many"
            )
        conditions = None if conditions is None else conditions[:bins]
        segment = segment[:1].repeat(bins)
    drawn = draw(weights, segment, conditions, seed=seed, random_seed=random_seed, threads=threads)
    text = io.BytesIO()
    events = weights.settings["likelihood"]["kind"] in EVENT_LIKELIHOODS
    _save(text, drawn, data, segment, "events" if events else "dff")
    write_atomically(out, text.getvalue())
    click.echo(f"{out}: {drawn.activity.shape[0]} bins of {data.bin_size:g} s, {drawn.activity.shape[1]} units")


def _save(file: io.BytesIO, drawn: "Sample", data: "Dataset", segment: Any, signal: str) -> None:
    """Write a recording; of a model that does not count it may be negative, as only ΔF/F can, but for events."""
    import numpy as np

    n_bins = len(segment)
    start = float(data.time[0]) - data.bin_size / 2
    arrays: dict[str, Any] = {
        "start": start,
        "unit_id": data.unit_ids,
        "truth_time": start + (np.arange(n_bins) + 0.5) * data.bin_size,
        "truth_latents": drawn.latents,
    }
    if np.issubdtype(drawn.activity.dtype, np.integer):
        arrays |= {"counts": drawn.activity, "bin_size": data.bin_size}
    else:
        arrays |= {signal: drawn.activity, "sampling_rate": 1 / data.bin_size}
    if n_bins and segment[0] != segment[-1]:
        arrays["segment"] = segment
    np.savez_compressed(file, **arrays)
