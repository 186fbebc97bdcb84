"""A study to what will not work: settings that do not fit the recordings, as far as these are known."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from alveus.config.contradictions import surprises
from alveus.config.models import COUNT_LIKELIHOODS, EVENT_LIKELIHOODS, Model, Nmf, Vae
from alveus.config.networks import ConditionalPrior
from alveus.config.problems import did_you_mean
from alveus.study.layout import session_folder
from alveus.study.plan import Study

FOR_REAL_NUMBERS = "choose gaussian, or for events zero_inflated_gamma"
FOR_COUNTS = "choose poisson or negative_binomial"


def advice(study: Study) -> list[str]:
    """Return a sentence for each model that cannot be fitted to a session.

    Limits that depend on the recording can be told only once it is binned; that it holds no counts, before.
    """
    found = []
    for dataset, session in study.pairs():
        manifest = study.folder / session_folder(study.results, dataset, session) / "dataset.json"
        facts = _facts(manifest)
        for name, model in study.datasets[dataset].models.items():
            problems = _misfits(model, facts) if facts else _unbinned(model, study, dataset, session)
            found += [f"{dataset}/{session}: model {name!r} {problem}" for problem in problems]
    return found


def warnings(study: Study) -> list[str]:
    """Return a sentence for each setting that is possible, and rarely what was meant."""
    models = {name: model for dataset in study.datasets.values() for name, model in dataset.models.items()}
    return [
        f"model {name!r}: {surprise}"
        for name, model in models.items()
        if isinstance(model, Vae)
        for surprise in surprises(model)
    ]


def _unbinned(model: Model, study: Study, dataset: str, session: str) -> Iterator[str]:
    """Yield what is wrong with a likelihood for a session that is not yet binned."""
    if not isinstance(model, Vae) or model.likelihood.kind not in COUNT_LIKELIHOODS | EVENT_LIKELIHOODS:
        return
    kind = study.modality(dataset, session)
    if kind in ("calcium", "signals") and model.likelihood.kind in COUNT_LIKELIHOODS:
        yield (
            f"has likelihood {model.likelihood.kind}, which describes counts, but the session holds no spikes: "
            f"{FOR_REAL_NUMBERS}"
        )
    if kind == "spikes" and model.likelihood.kind in EVENT_LIKELIHOODS:
        yield (
            f"has likelihood {model.likelihood.kind}, which describes events of a deconvolution, but the session "
            f"holds spikes: {FOR_COUNTS}"
        )


def _misfits(model: Model, facts: Mapping[str, Any]) -> Iterator[str]:
    held_in = int(facts["n_units"]) - int(facts["n_held_out"])
    if model.latents >= held_in:
        yield (
            f"has {model.latents} latents, but only {held_in} units are left beside the held-out ones: set "
            f"latents below {held_in}, or leave the model out of the dataset"
        )
    quantity = facts["quantity"]
    if isinstance(model, Nmf) and quantity == "dff":
        yield (
            "takes counts or events, which never are negative, but the activity is ΔF/F: use `method: pca`, "
            "`factor_analysis` or `ica`"
        )
    if not isinstance(model, Vae):
        return
    kind = model.likelihood.kind
    if quantity != "counts" and kind in COUNT_LIKELIHOODS:
        yield (
            f"has likelihood {kind}, which describes counts, but the activity is {quantity} in arbitrary units: "
            f"{FOR_REAL_NUMBERS if quantity == 'events' else 'choose gaussian'}"
        )
    if quantity == "counts" and kind in EVENT_LIKELIHOODS:
        yield (
            f"has likelihood {kind}, which describes events of a deconvolution, but the activity is counts: "
            f"{FOR_COUNTS}"
        )
    if quantity == "dff" and kind in EVENT_LIKELIHOODS:
        yield (
            f"has likelihood {kind}, which describes events, but the activity is ΔF/F, which is also negative: "
            "choose gaussian"
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
