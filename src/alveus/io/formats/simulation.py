"""A simulator's name with options, such as ``lorenz?seed=3&trials=10``, to the recording it makes."""

import inspect
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl

import numpy as np
from numpy.typing import NDArray

from alveus.config.preprocess import BehaviorKinds
from alveus.config.problems import did_you_mean
from alveus.errors import SettingError
from alveus.io.assemble import assemble
from alveus.io.found import Found, Series, TrialTable
from alveus.io.options import ReadOptions
from alveus.recording import Behavior, Recording


def read_simulation(path: Path, options: ReadOptions) -> Recording:
    """Run a simulator.

    Raises
    ------
    SettingError
        For a simulator, an option or a value that does not exist.
    """
    from alveus.simulation import SIMULATIONS

    name, query = _name_and_query(path)
    simulate = SIMULATIONS[name]
    chosen = _options(name, query, inspect.signature(simulate))
    try:
        recording = simulate(**chosen)
    except (ValueError, MemoryError) as error:
        raise SettingError(f"simulation {str(path)!r} cannot be made: {error}") from error
    return assemble(_found(recording, options.kinds, f"{name}?{query}" if query else name), options)


def simulated_modality(path: Path) -> Literal["spikes", "calcium", "signals"]:
    """Tell what a simulator makes: spikes, the light of a calcium indicator, or other real-valued signals.

    Raises
    ------
    SettingError
        For a simulator that does not exist.
    """
    from alveus.simulation import OF_LIGHT, OF_SIGNALS

    name = _name_and_query(path)[0]
    return "calcium" if name in OF_LIGHT else "signals" if name in OF_SIGNALS else "spikes"


def _name_and_query(path: Path) -> tuple[str, str]:
    from alveus.simulation import SIMULATIONS

    name, _, query = str(path).rpartition("/")[2].partition("?")
    if name not in SIMULATIONS:
        raise SettingError(f"path {str(path)!r}: no simulation {name!r}; {did_you_mean(name, SIMULATIONS)}")
    return name, query


def _found(recording: Recording, kinds: BehaviorKinds, name: str) -> Found:
    """Take a recording apart, so that the settings apply to it as to a file."""
    named = {*kinds.circular, *kinds.categorical, *kinds.continuous, *kinds.ignore}
    trials = recording.trials
    return Found(
        activity=recording.activity,
        units=recording.units,
        start=recording.start,
        stop=recording.stop,
        observed=recording.observed,
        series=[_series(variable) for variable in recording.behavior if variable.name in named],
        ready=[variable for variable in recording.behavior if variable.name not in named],
        trials=None if trials is None else TrialTable(trials.start, trials.stop, dict(trials.columns)),
        truth=recording.truth,
        truth_spike_times=recording.truth_spike_times,
        tau=recording.tau,
        findings=list(recording.findings),
        source={**recording.source, "format": "simulation", "file": name},
    )


def _series(variable: Behavior) -> Series:
    values: NDArray[Any] = variable.values
    if variable.kind == "categorical":
        values = np.array([*variable.labels, ""], dtype=np.str_)[values.astype(np.int64)]  # −1 is the empty text
    return Series(variable.name, variable.times, values, variable.unit)


def _options(name: str, query: str, signature: inspect.Signature) -> dict[str, Any]:
    """Parse options by the type of the simulator's own default."""
    known = signature.parameters
    chosen: dict[str, Any] = {}
    for key, text in parse_qsl(query, keep_blank_values=True):
        if key not in known:
            raise SettingError(f"simulation {name!r} has no option {key!r}; {did_you_mean(key, known)}")
        if key in chosen:
            raise SettingError(f"simulation {name!r}: option {key!r} is given twice")
        chosen[key] = _value(name, key, text, known[key].default)
    return chosen


def _value(name: str, key: str, text: str, default: Any) -> Any:
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(default, float):
            return float(text)
        if isinstance(default, str):
            return text
        return int(text)
    except (ValueError, KeyError) as error:
        kind = (
            "true or false"
            if isinstance(default, bool)
            else "a number"
            if isinstance(default, float)
            else "a whole number"
        )
        raise SettingError(f"simulation {name!r}: {key}={text!r} must be {kind}") from error
