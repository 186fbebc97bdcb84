"""A fitted model to one file, and back without running anything that is in it."""

import json
import sys
from dataclasses import fields
from pathlib import Path
from pickle import UnpicklingError

import torch

from alveus.errors import ArtefactError
from alveus.fit.fitted import FittedModel, State

FORMAT = 2
TENSORS = {"seeds", "twin"}
PLAIN = {field.name for field in fields(FittedModel)} - TENSORS


def save_model(model: FittedModel, path: Path) -> None:
    """Write a model; the same model gives the same bytes.

    Plain values go as JSON, and names are interned: a pickle tells equal strings from identical ones, and a
    resumed run has strings of its own.
    """
    content = {
        "format": FORMAT,
        "description": json.dumps({name: getattr(model, name) for name in sorted(PLAIN)}, sort_keys=True),
        "seeds": [_interned(state) for state in model.seeds],
        "twin": _interned(model.twin),
    }
    with path.open("wb") as file:  # given a path, torch would write its name into the file
        torch.save(content, file)


def _interned(state: State) -> State:
    return {sys.intern(name): value for name, value in state.items()}


def load_model(path: Path) -> FittedModel:
    """Read a model that `save_model` wrote.

    Raises
    ------
    ArtefactError
        When the file is missing, damaged, of another format, or holds anything but tensors and plain values.
    """
    try:
        with path.open("rb") as file:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ArtefactError(f"{path} does not exist: run `alveus fit` first") from None
    except OSError as error:
        raise ArtefactError(f"{path} cannot be read: {error.strerror}") from error
    except UnpicklingError as error:
        raise ArtefactError(
            f"{path} is refused: it is damaged, or it holds more than tensors and plain values, "
            "which could run code; fit the model again"
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError) as error:
        raise ArtefactError(f"{path} is damaged ({path.stat().st_size} bytes): fit the model again") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ArtefactError(f"{path} is not a model of format {FORMAT}: fit the model again")
    try:
        plain = json.loads(content["description"])
        tensors = {"seeds": tuple(content["seeds"]), "twin": content["twin"]}
        return FittedModel(**{name: plain[name] for name in PLAIN}, **tensors)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError(f"{path} lacks part of what a model holds ({error}): fit the model again") from error
