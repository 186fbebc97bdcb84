"""Models with lists under `sweep` to one named model for every combination of values."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from alveus.errors import SettingError

MOST_MODELS = 200
"""Models one sweep may become: more than that is a slip of the keyboard."""


Members = dict[str, dict[str, dict[str, Any]]]
"""Name of a sweep → name of a member → the values that make it."""


def expand_sweeps(models: Mapping[str, Any]) -> tuple[dict[str, Any], Members]:
    """Expand all sweeps.

    A key below a choice is written with a dot (``prior.time_constant``). Choices of one kind are told apart by the
    settings in which they differ.

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
        When a sweep is no mapping of lists, is too large, goes below a setting that is no mapping, or a name would
        stand for two models.

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
        worded = [zip(values, _words(key, values), strict=True) for key, values in sweep.items()]
        for pairs in product(*worded):
            chosen = {key: value for key, (value, _) in zip(sweep, pairs, strict=True)}
            member = "-".join([name, *(word for _, word in pairs)])
            if member in expanded or member in models:
                problems.append(f"models.{name}.sweep: two models would be called {member!r}")
            settings = base
            try:
                for key, value in chosen.items():
                    settings = _with(settings, key.split("."), value)
            except SettingError as error:
                problems += [f"models.{name}.sweep: {problem}" for problem in error.problems]
                break
            expanded[member] = settings
            members[name][member] = chosen
    if problems:
        raise SettingError(*problems)
    return expanded, members


def _problem(sweep: Any) -> str | None:
    if not isinstance(sweep, Mapping) or not all(
        isinstance(key, str) and isinstance(values, list) and values for key, values in sweep.items()
    ):
        return "a list of values is wanted for each setting, such as {beta: [0.5, 1, 2]}"
    n = 1
    for values in sweep.values():
        n *= len(values)
    return f"{n} models, where at most {MOST_MODELS} are sensible" if n > MOST_MODELS else None


def _words(key: str, values: Sequence[Any]) -> list[str]:
    """Return what names each value; of those with the same name, with the settings in which they differ.

    >>> _words("prior", ["standard", {"kind": "conditional", "covariates": ["heading"]}])
    ['priorstandard', 'priorconditional']
    >>> _words("beta", [{"kind": "warm_up", "steps": 5}, {"kind": "warm_up", "steps": 9}])
    ['betawarm_up-steps5', 'betawarm_up-steps9']
    """
    words = [_word(key, value) for value in values]
    settings = [_flat(value) if isinstance(value, Mapping) else {} for value in values]
    found = []
    for word, own in zip(words, settings, strict=True):
        group = [other for other, name in zip(settings, words, strict=True) if name == word]
        differing = [name for name in own if any(other.get(name, _UNSET) != own[name] for other in group)]
        found.append("-".join([word, *(_setting(name, own[name]) for name in differing)]))
    return found


_UNSET = object()


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings of a choice but its kind; a choice within it is its kind, its settings have a dot."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat[name] = value.get("kind", "")
            flat |= {f"{name}.{below}": one for below, one in _flat(value).items()}
        elif name != "kind":
            flat[name] = value
    return flat


def _setting(name: str, value: Any) -> str:
    """Return what names a setting of a choice: numbers follow its name, words stand off from it."""
    word = _word(name, value)
    last = _word(name, "")
    return f"{last}_{word.removeprefix(last)}" if re.match("[A-Za-z]", word.removeprefix(last)) else word


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
    if isinstance(below, str):
        below = {"kind": below}
    if not isinstance(below, Mapping):
        raise SettingError(f"{first} is {below!r}, which has no setting {rest[0]!r}: write it as a mapping")
    return {**settings, first: _with(below, rest, value)}
