"""Models with lists under `sweep` to one named model for every combination of values."""

import re
from collections.abc import Mapping
from itertools import product
from typing import Any

from alveus.errors import SettingError

MOST_MODELS = 200
"""Models one sweep may become: more than that is a slip of the keyboard."""


Members = dict[str, dict[str, dict[str, Any]]]
"""Name of a sweep → name of a member → the values that make it."""


def expand_sweeps(models: Mapping[str, Any]) -> tuple[dict[str, Any], Members]:
    """Expand all sweeps.

    A key below a choice is written with a dot (``prior.time_constant``).

    Parameters
    ----------
    models
        The section ``models`` as read.

    Returns
    -------
    models
        The same with each sweep replaced by its members.
    members
        By the name of the model that has a sweep, then by the member's own: the values that make it.

    Raises
    ------
    SettingError
        When a sweep is no mapping of lists, is too large, or a name would stand for two models.

    >>> models, members = expand_sweeps({"v": {"method": "vae", "sweep": {"beta": [1, 4]}}})
    >>> members["v"], models["v-beta4"]
    ({'v-beta1': {'beta': 1}, 'v-beta4': {'beta': 4}}, {'method': 'vae', 'beta': 4})
    """
    expanded: dict[str, Any] = {}
    members: Members = {}
    problems = []
    for name, model in models.items():
        sweep = model.get("sweep") if isinstance(model, Mapping) else None
        if not sweep:
            expanded[name] = model
            continue
        if problem := _problem(sweep):
            problems.append(f"models.{name}.sweep: {problem}")
            continue
        base = {key: value for key, value in model.items() if key != "sweep"}
        members[name] = {}
        for values in product(*sweep.values()):
            chosen = dict(zip(sweep, values, strict=True))
            member = f"{name}-{'-'.join(_word(key, value) for key, value in chosen.items())}"
            if member in expanded or member in models:
                problems.append(f"models.{name}.sweep: two models would be called {member!r}")
            settings = base
            for key, value in chosen.items():
                settings = _with(settings, key.split("."), value)
            expanded[member] = settings
            members[name][member] = chosen
    if problems:
        raise SettingError(*problems)
    return expanded, members


def _problem(sweep: Any) -> str | None:
    if not isinstance(sweep, Mapping) or not all(isinstance(values, list) and values for values in sweep.values()):
        return "a list of values is wanted for each setting, such as {beta: [0.5, 1, 2]}"
    n = 1
    for values in sweep.values():
        n *= len(values)
    return f"{n} models, where at most {MOST_MODELS} are sensible" if n > MOST_MODELS else None


def _word(key: str, value: Any) -> str:
    """Return what names a value in a folder: the last part of the setting's name, and the value."""
    text = value.get("kind", "") if isinstance(value, Mapping) else value
    if isinstance(text, list):
        text = "_".join(map(str, text))
    return re.sub(r"[^A-Za-z0-9_.]", "_", f"{key.rsplit('.', 1)[-1]}{text}")


def _with(settings: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    """Return settings with one of them replaced; a choice given as a name becomes a mapping on the way."""
    first, *rest = path
    if not rest:
        return {**settings, first: value}
    below = settings.get(first, {})
    return {**settings, first: _with({"kind": below} if isinstance(below, str) else below, rest, value)}
