"""Raw neural recordings to low-dimensional latents you can trust.

The names a notebook needs; each is imported when it is first used, since torch alone takes a second.

read_recording
    a raw file or folder → Recording
prepare
    Recording → a session in bins
open_dataset, open_events, open_latents, open_rates, load_model
    what a run published → arrays read when asked for, or a fitted model
score_model, score_session
    arrays → rows of scores with floors and intervals

Fitting and encoding are ``alveus.fit.fit.fit`` and ``alveus.encode.encode.encode``; novel recordings are drawn by
``alveus.encode.sample.sample``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alveus.fit.model_file import load_model
    from alveus.io import read_recording
    from alveus.preprocessing import prepare
    from alveus.scores import score_model, score_session
    from alveus.storage import open_dataset, open_events, open_latents, open_rates

__version__ = "0.1.0"

__all__ = [
    "load_model",
    "open_dataset",
    "open_events",
    "open_latents",
    "open_rates",
    "prepare",
    "read_recording",
    "score_model",
    "score_session",
]

_HOMES = {
    "load_model": "alveus.fit.model_file",
    "open_dataset": "alveus.storage",
    "open_events": "alveus.storage",
    "open_latents": "alveus.storage",
    "open_rates": "alveus.storage",
    "prepare": "alveus.preprocessing",
    "read_recording": "alveus.io",
    "score_model": "alveus.scores",
    "score_session": "alveus.scores",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'alveus' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
