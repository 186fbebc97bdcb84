"""A checked study to what the workflow needs: names, settings, tuning, code and resources of every stage."""

import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from alveus.config import CONFIG_FILE, DatasetSettings, SessionSettings, load_study, settings_and_tuning
from alveus.config.calcium import OPTICAL
from alveus.config.models import TRAINED, Vae
from alveus.config.sweep import Members
from alveus.io.fingerprint import FingerprintCache, fingerprint
from alveus.study.layout import WORK
from alveus.study.modalities import Modalities
from alveus.study.resources import memory_mb, minutes
from alveus.study.versions import stage_version

MISSING = "missing"
"""What `fingerprint` gives for a path that is not there."""


class Study:
    """What a workflow asks of a study.

    Everything a stage's result depends on is one canonical JSON text, so that a change of any other
    setting, a comment or the order of keys makes nothing stale.

    Parameters
    ----------
    folder
        Where config.yaml lies.
    overrides
        Settings laid over the file.

    Raises
    ------
    SettingError
        With every problem of the config and the tables.
    """

    def __init__(self, folder: Path, overrides: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.settings = load_study(folder, overrides)
        self.results = self.settings.config.results
        self._fingerprints = FingerprintCache(folder / WORK / "fingerprints.json")
        self._modalities = Modalities(folder / WORK / "modalities.json")
        self._texts: dict[tuple[str, ...], str] = {}

    @property
    def datasets(self) -> dict[str, DatasetSettings]:
        """The datasets by name."""
        return self.settings.datasets

    def sweeps(self, dataset: str) -> Members:
        """Return the sweeps that are fitted in a dataset: name → member → the values that make it."""
        models = self.datasets[dataset].models
        found = {
            name: {member: values for member, values in members.items() if member in models}
            for name, members in self.settings.sweeps.items()
        }
        return {name: members for name, members in found.items() if members}

    def session(self, dataset: str, session: str) -> SessionSettings:
        """Return one session's settings."""
        return self.datasets[dataset].sessions[session]

    def pairs(self) -> list[tuple[str, str]]:
        """Return (dataset, session) of every session."""
        return [(d.name, s) for d in self.datasets.values() for s in d.sessions]

    @cached_property
    def missing(self) -> list[tuple[str, str, str]]:
        """(dataset, session, path) of every raw path that is not there, found without reading anything."""
        return [
            (dataset, session, path)
            for dataset, session in self.pairs()
            for path in self._paths(self.session(dataset, session))
            if not (self.folder / path).exists()
        ]

    def _paths(self, session: SessionSettings) -> list[str]:
        raw = [] if session.row.format == "simulation" else [session.path]
        return raw + ([session.behavior] if session.behavior else [])

    def raw_fingerprint(self, dataset: str, session: str) -> str:
        """Return a digest of the content of a session's raw data."""
        settings = self.session(dataset, session)
        if settings.row.format == "simulation":
            return settings.path
        digests = [fingerprint(self.folder / path, self._fingerprints) for path in self._paths(settings)]
        return "+".join(digests)

    def is_optical(self, dataset: str, session: str) -> bool:
        """Whether a session holds optical signals, which become events before they are binned."""
        return self.modality(dataset, session) == "calcium"

    def modality(self, dataset: str, session: str) -> str | None:
        """Return what a session holds; None where that cannot be told: the file is missing or damaged."""
        settings = self.session(dataset, session)
        return self._modalities.of(settings.row, settings.path, self.folder, self._raw(settings))

    def _raw(self, settings: SessionSettings) -> str:
        """Return a digest of the content of a session's own file or folder, without its behaviour."""
        if settings.row.format == "simulation":
            return settings.path
        return fingerprint(self.folder / settings.path, self._fingerprints)

    def session_results(self, dataset: str, session: str) -> list[str]:
        """Return the names of the files that a finished session has in its folder, pages and models apart."""
        return [*(["events.json"] if self.is_optical(dataset, session) else []), "dataset.json", "scores.csv"]

    def save_caches(self) -> None:
        """Keep what was hashed and looked up for the next plan."""
        self._fingerprints.save()
        self._modalities.save()

    def model_results(self, dataset: str, model: str) -> list[str]:
        """Return the names of the files that a finished model has in its folder."""
        settings = self.datasets[dataset].models[model]
        rates = ["rates.json"] if isinstance(settings, Vae) and settings.rates else []
        return ["fit.json", "latents.json", *rates, "scores.csv"]

    def stage_settings(self, stage: str, dataset: str, session: str = "", model: str = "") -> str:
        """Return, as canonical JSON, all that a stage's result depends on besides its input files."""
        return self._text(stage, dataset, session, model)

    def stage_tuning(self, stage: str, dataset: str, session: str = "", model: str = "") -> str:
        """Return, as canonical JSON, the settings that tune a run and make nothing stale."""
        del model
        if stage in ("deconvolve", "bin"):
            return _canonical(settings_and_tuning(self.session(dataset, session).preprocess)[1])
        if stage == "fit":
            return _canonical(settings_and_tuning(self.datasets[dataset].training)[1])
        if stage in ("encode", "rates"):
            training = self.datasets[dataset].training
            return _canonical({"device": training.device, "memory_gb": training.memory_gb})
        return "{}"

    def stage_code(self, stage: str) -> str:
        """Return what stands for the code of a stage."""
        key = ("code", stage)
        if key not in self._texts:
            self._texts[key] = stage_version(stage, self.settings.config.code_tracking)
        return self._texts[key]

    def needs_gpu(self, dataset: str, model: str) -> int:
        """GPUs that a job fitting this model asks for."""
        return self.settings.config.gpus if self.datasets[dataset].models[model].method in TRAINED else 0

    def memory_mb(self, stage: str, dataset: str, session: str, model: str = "", attempt: int = 1) -> int:
        """Memory a job asks for [MB]; see `alveus.study.resources`."""
        return memory_mb(stage, self._size(dataset, session), attempt, seeds=self._seeds(dataset, model))

    def minutes(self, stage: str, dataset: str, session: str, model: str = "", attempt: int = 1) -> int:
        """Run time a job asks for [minutes]; see `alveus.study.resources`."""
        return minutes(stage, self._size(dataset, session), attempt, seeds=self._seeds(dataset, model))

    def _seeds(self, dataset: str, model: str) -> int:
        return self.datasets[dataset].seeds if model else 1

    def _size(self, dataset: str, session: str) -> tuple[int, int] | int:
        """(n_bins, n_units) as the manifest says, or the raw data's size [bytes] while there is none."""
        manifest = self.folder / self.results / dataset / session / "dataset.json"
        try:
            shape = json.loads(manifest.read_text())["arrays"]["activity"]["shape"]
            return int(shape[0]), int(shape[1])
        except (OSError, ValueError, KeyError, IndexError, TypeError):
            settings = self.session(dataset, session)
            paths = [self.folder / path for path in self._paths(settings)]
            return sum(_bytes(path) for path in paths)

    def _text(self, stage: str, dataset: str, session: str, model: str) -> str:
        group = self.datasets[dataset]
        match stage:
            case "deconvolve":
                item = group.sessions[session]
                preprocess = settings_and_tuning(item.preprocess)[0]
                return _canonical(
                    {
                        **_raw_data(dataset, session, item),
                        "tau": item.row.tau,
                        "preprocess": {name: preprocess[name] for name in ("unit_filter", *OPTICAL)},
                        "fingerprint": self._raw(item),
                    }
                )
            case "bin":
                item = group.sessions[session]
                preprocess = settings_and_tuning(item.preprocess)[0]
                return _canonical(
                    {
                        **_raw_data(dataset, session, item),
                        "behavior": item.behavior,
                        "preprocess": {name: v for name, v in preprocess.items() if name not in OPTICAL},
                        "fingerprint": self.raw_fingerprint(dataset, session),
                    }
                )
            case "fit":
                return self._shared(
                    ("fit", dataset, model),
                    lambda: {
                        "name": model,
                        "model": group.models[model].model_dump(mode="json"),
                        "training": settings_and_tuning(group.training)[0]
                        if group.models[model].method in TRAINED
                        else {},
                        "seeds": group.seeds,
                    },
                )
            case "score" | "score_session":
                return self._shared((stage, dataset), lambda: group.scores.model_dump(mode="json"))
            case "report":
                return self._shared(
                    ("report", dataset),
                    lambda: {"report": group.report.model_dump(mode="json"), "models": list(group.models)},
                )
            case _:
                return "{}"

    def _shared(self, key: tuple[str, ...], make: Any) -> str:
        """Make a text once for all sessions that share it: a plan of 5000 sessions asks often."""
        if key not in self._texts:
            self._texts[key] = _canonical(make())
        return self._texts[key]


def _raw_data(dataset: str, session: str, item: SessionSettings) -> dict[str, Any]:
    """Return what the stages that read raw data are told of it."""
    row = item.row
    return {
        "dataset": dataset,
        "session": session,
        "format": row.format,
        "path": item.path,
        "sampling_rate": row.sampling_rate,
        "modality": row.modality,
    }


def _canonical(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _bytes(path: Path) -> int:
    try:
        if path.is_dir():
            return sum(file.stat().st_size for file in path.iterdir() if file.is_file())
        return path.stat().st_size
    except OSError:
        return 0


__all__ = ["CONFIG_FILE", "MISSING", "Study"]
