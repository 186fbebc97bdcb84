"""A study whose datasets exist already to what will not work: settings that do not fit the recordings."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from alveus.config.contradictions import surprises
from alveus.config.models import COUNT_LIKELIHOODS, Model, Vae
from alveus.config.networks import ConditionalPrior
from alveus.config.problems import did_you_mean
from alveus.study.layout import session_folder
from alveus.study.plan import Study


def advice(study: Study) -> list[str]:
    """Return a sentence for each model that cannot be fitted to a session that is already binned.

    Limits that depend on the recording can be told only once its units are known.
    """
    return [
        f"{dataset}/{session}: model {name!r} {problem}"
        for dataset, session in study.pairs()
        if (facts := _facts(study.folder / session_folder(study.results, dataset, session) / "dataset.json"))
        for name, model in study.datasets[dataset].models.items()
        for problem in _misfits(model, facts)
    ]


def warnings(study: Study) -> list[str]:
    """Return a sentence for each setting that is possible, and rarely what was meant."""
    models = {name: model for dataset in study.datasets.values() for name, model in dataset.models.items()}
    return [
        f"model {name!r}: {surprise}"
        for name, model in models.items()
        if isinstance(model, Vae)
        for surprise in surprises(model)
    ]


def _misfits(model: Model, facts: Mapping[str, Any]) -> Iterator[str]:
    held_in = int(facts["n_units"]) - int(facts["n_held_out"])
    if model.latents >= held_in:
        yield (
            f"has {model.latents} latents, but only {held_in} units are left beside the held-out ones: set "
            f"latents below {held_in}, or leave the model out of the dataset"
        )
    if not isinstance(model, Vae):
        return
    if facts["quantity"] != "counts" and model.likelihood.kind in COUNT_LIKELIHOODS:
        yield (
            f"has likelihood {model.likelihood.kind}, which describes counts, but the activity is "
            f"{facts['quantity']} in arbitrary units: choose gaussian"
        )
    if isinstance(model.prior, ConditionalPrior):
        known = [covariate["name"] for covariate in facts["behavior"]]
        for name in model.prior.covariates:
            if name not in known:
                yield f"depends on the covariate {name!r}, which the session lacks; {did_you_mean(name, known)}"


def _facts(manifest: Path) -> Mapping[str, Any] | None:
    try:
        facts = json.loads(manifest.read_text())
    except (OSError, ValueError):
        return None
    wanted = {"n_units", "n_held_out", "quantity", "behavior"}
    return facts if isinstance(facts, dict) and wanted <= facts.keys() else None
