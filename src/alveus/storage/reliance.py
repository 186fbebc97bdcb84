"""What decoders lose without their latents to the group `reliance` of a latents store, and back."""

from typing import Any

import zarr

from alveus.recording.reliance import Reliance
from alveus.storage.layout import write_array
from alveus.storage.store import Store

GROUP = "reliance"

ABOUT: dict[str, tuple[tuple[str, ...], str, str]] = {
    "bins": (("reliance_bin",), "number of the test bin", ""),
    "lost": (
        ("seed", "reliance_bin", "exchanged"),
        "log-likelihood lost with a latent (at the end: all) from other bins",
        "nat",
    ),
    "redrawn": (("seed", "draw", "exchanged"), "the same with other draws of the same posteriors", "nat"),
    "side_lost": (("seed", "reliance_bin"), "the same with the side channel from other bins", "nat"),
}
"""Array → its axes, what it is, its unit."""


def write_reliance(group: zarr.Group, reliance: Reliance) -> None:
    """Write what was found."""
    for name, (axes, long_name, unit) in ABOUT.items():
        values = getattr(reliance, name)
        if values is not None:
            write_array(group, f"{GROUP}/{name}", values, axes, {"long_name": long_name, "unit": unit})


def read_reliance(store: Store) -> Reliance | None:
    """Read what `write_reliance` wrote; None where a model has none."""
    found: dict[str, Any] = {
        name: store.array(f"{GROUP}/{name}")[:] for name in ABOUT if f"{GROUP}/{name}" in store
    }
    return Reliance(**found) if found else None
