"""Manifests of a model and of the dataset it was fitted to, to both, checked against each other."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alveus.errors import ArtefactError

if TYPE_CHECKING:
    from alveus.config import Model
    from alveus.fit.fitted import FittedModel
    from alveus.storage import Dataset


def open_fitted(dataset: Path, model: Path) -> "tuple[Dataset, dict[str, Any], FittedModel, Model]":
    """Open a dataset, the manifest of a model, the model itself, and its settings.

    Raises
    ------
    ArtefactError
        When either is missing or damaged, or the model was fitted to another dataset.
    """
    from pydantic import TypeAdapter

    from alveus.config import Model
    from alveus.fit.model_file import load_model
    from alveus.storage import open_dataset, read_manifest
    from alveus.storage.verify import verify

    data, fitted = open_dataset(dataset), read_manifest(model, "fit")
    if fitted["inputs"]["dataset"] != data.digest:
        raise ArtefactError(f"{model} was fitted to another dataset than {dataset}: run fit again")
    damage = verify(model)
    if damage:
        raise ArtefactError(f"{damage[0].message}: run `alveus verify`, then the study again")
    weights = load_model(model.with_name(fitted["artefact"]))
    settings: Model = TypeAdapter(Model).validate_python(weights.settings)
    return data, fitted, weights, settings
