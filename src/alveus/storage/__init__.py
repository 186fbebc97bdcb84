"""Arrays to published artefacts and back: stores with manifests, written once, whole or not at all.

Importing this package, `alveus.storage.manifest` or `alveus.storage.publish` loads neither zarr nor numpy: they
are used while a workflow is planned. `publish` and `verify` are called by the names of their modules:
``from alveus.storage.verify import verify``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alveus.storage.dataset import write_dataset
    from alveus.storage.events import Events, open_events, write_events
    from alveus.storage.latents import Latents, open_latents, write_latents
    from alveus.storage.manifest import read_manifest, write_manifest
    from alveus.storage.publish import already_published, publish_file, republish
    from alveus.storage.rates import Rates, open_rates, write_rates
    from alveus.storage.reading import BehaviorArray, Dataset, open_dataset
    from alveus.storage.show import describe
    from alveus.storage.verify import Damage

__all__ = [
    "BehaviorArray",
    "Damage",
    "Dataset",
    "Events",
    "Latents",
    "Rates",
    "already_published",
    "describe",
    "open_dataset",
    "open_events",
    "open_latents",
    "open_rates",
    "publish_file",
    "read_manifest",
    "republish",
    "write_dataset",
    "write_events",
    "write_latents",
    "write_manifest",
    "write_rates",
]

_HOMES = {
    "BehaviorArray": "reading",
    "Damage": "verify",
    "Dataset": "reading",
    "Events": "events",
    "Latents": "latents",
    "Rates": "rates",
    "already_published": "publish",
    "describe": "show",
    "open_dataset": "reading",
    "open_events": "events",
    "open_latents": "latents",
    "open_rates": "rates",
    "publish_file": "publish",
    "read_manifest": "manifest",
    "republish": "publish",
    "write_dataset": "dataset",
    "write_events": "events",
    "write_latents": "latents",
    "write_manifest": "manifest",
    "write_rates": "rates",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
