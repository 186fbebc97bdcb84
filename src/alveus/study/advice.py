"""A study whose datasets exist already to what will not work: settings that do not fit the recordings."""

import json
from pathlib import Path

from alveus.study.layout import session_folder
from alveus.study.plan import Study


def advice(study: Study) -> list[str]:
    """Return a sentence for each model that cannot be fitted to a session that is already binned.

    Limits that depend on the recording can be told only once its units are known.
    """
    problems = []
    for dataset, session in study.pairs():
        manifest = study.folder / session_folder(study.results, dataset, session) / "dataset.json"
        held_in = _held_in_units(manifest)
        if held_in is None:
            continue
        problems += [
            f"{dataset}/{session}: model {name!r} has {model.latents} latents, but only {held_in} units are "
            f"left beside the held-out ones: set latents below {held_in}, or leave the model out of the dataset"
            for name, model in study.datasets[dataset].models.items()
            if model.latents >= held_in
        ]
    return problems


def _held_in_units(manifest: Path) -> int | None:
    try:
        facts = json.loads(manifest.read_text())
        return int(facts["n_units"]) - int(facts["n_held_out"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
