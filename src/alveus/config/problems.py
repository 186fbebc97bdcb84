"""pydantic's validation errors to sentences that name the place, the value and a near miss."""

import difflib
from collections.abc import Iterable
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

SHOWN = 60
"""Characters of a refused value that are repeated."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint at the nearest known name, or all of them when none is near.

    >>> did_you_mean("bin_sise", ["bin_size", "split"])
    "did you mean 'bin_size'?"
    >>> did_you_mean("speed", [])
    'there are none'
    """
    known = list(known)
    if not known:
        return "there are none"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"


def sentences(error: ValidationError, model: type[BaseModel], place: str) -> list[str]:
    """Return one sentence per problem pydantic found.

    Parameters
    ----------
    error
        What pydantic raised.
    model
        The model that was validated; its fields are what a typo is compared with.
    place
        What to call the start of the path, such as ``config.yaml``.
    """
    return [_sentence(dict(item), model, place) for item in error.errors(include_url=False)]


def _sentence(item: dict[str, Any], model: type[BaseModel], place: str) -> str:
    location = _without_tag(item["loc"])
    where = f"{place}: {'.'.join(str(part) for part in location)}" if location else place
    if item["type"] == "extra_forbidden":
        known = _fields_at(model, item["loc"][:-1])
        return f"{where}: unknown key; {did_you_mean(str(item['loc'][-1]), known)}"
    if item["type"] == "missing":
        return f"{where}: is missing"
    if item["type"] in {"literal_error", "union_tag_invalid"}:
        expected = item["ctx"].get("expected") or item["ctx"].get("expected_tags")
        return f"{where}: {item['ctx'].get('tag', item['input'])!r} is not possible: choose {expected}"
    if item["type"] == "union_tag_not_found":
        return f"{where}: say which with {item['ctx']['discriminator']}"
    message = item["msg"].removeprefix("Value error, ")
    sentence, shown = f"{where}: {message[:1].lower()}{message[1:]}", repr(item["input"])
    if isinstance(item["input"], dict) and len(shown) > SHOWN:
        return sentence  # the start of a whole section says nothing
    return f"{sentence} (given: {shown[:SHOWN]})"


def _without_tag(loc: tuple[Any, ...]) -> tuple[Any, ...]:
    """Leave out the method that pydantic puts after a model's name.

    >>> _without_tag(("models", "vae", "vae", "latents"))
    ('models', 'vae', 'latents')
    """
    return (*loc[:2], *loc[3:]) if loc[:1] == ("models",) else loc


def _fields_at(model: type[BaseModel], loc: tuple[Any, ...]) -> list[str]:
    """Return the names of the fields at a path below a model."""
    candidates: list[type[BaseModel]] = [model]
    for part in loc:
        following: list[type[BaseModel]] = []
        for candidate in candidates:
            field = candidate.model_fields.get(str(part))
            if field is not None:
                following += _models_in(field.annotation)
            elif any(str(part) in get_args(f.annotation) for f in candidate.model_fields.values()):
                following.append(candidate)  # a tag of a discriminated union
        candidates = following or candidates
    return [name for candidate in candidates for name in candidate.model_fields]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in {Annotated, Union, UnionType, dict, list, tuple}:
        return [model for part in get_args(annotation) for model in _models_in(part)]
    return []
