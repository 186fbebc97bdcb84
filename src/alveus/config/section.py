"""What every section of the config shares: frozen, closed, and choices by name or by mapping."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Section(BaseModel):
    """A frozen group of settings that knows all its keys: an unknown one is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, use_attribute_docstrings=False)


def _name_as_mapping(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


ByName = BeforeValidator(_name_as_mapping)
"""Marks a choice that is written as a name (``prior: standard``) or as a mapping with ``kind``."""


def by_name_or(kind: str) -> BeforeValidator:
    """Mark a choice as `ByName` does; a mapping without ``kind`` is of this one."""

    def named(value: Any) -> Any:
        value = _name_as_mapping(value)
        return {"kind": kind, **value} if isinstance(value, Mapping) else value

    return BeforeValidator(named)


def _no_words(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is wanted here, not true or false")
    if isinstance(value, str):
        raise ValueError("a number is wanted here, not text (a number has no leading 0)")
    return value


Number = Annotated[float, BeforeValidator(_no_words)]
Count = Annotated[int, BeforeValidator(_no_words)]


NO_EFFECT_ON_RESULTS = {"changes_results": False}
"""Put in a field's ``json_schema_extra``: the setting tunes a run, and changing it makes nothing stale."""


def settings_and_tuning(section: Section) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide a section into what its results depend on, and what only tunes the run (this level only)."""
    tuning = {
        name
        for name, field in type(section).model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("changes_results") is False
    }
    values = section.model_dump(mode="json")
    return (
        {name: value for name, value in values.items() if name not in tuning},
        {name: value for name, value in values.items() if name in tuning},
    )


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one mapping over another, mapping by mapping; lists and scalars are replaced.

    >>> merge({"a": 1, "split": {"gap": 1, "test": 0.2}}, {"split": {"gap": 2}})
    {'a': 1, 'split': {'gap': 2, 'test': 0.2}}
    """
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            merged[key] = merge(below, value)
        else:
            merged[key] = value
    return merged
