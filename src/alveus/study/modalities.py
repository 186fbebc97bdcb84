"""Sessions to what they hold, spikes or optical signals: looked up in a file once, remembered by its digest."""

import json
from contextlib import suppress
from pathlib import Path

from alveus.config.table import SessionRow
from alveus.errors import AlveusError
from alveus.storage.manifest import write_atomically

KNOWN = ("spikes", "calcium", "signals")


class Modalities:
    """Modalities by the digest of the file, kept in a JSON file.

    Parameters
    ----------
    path
        The JSON file; it is read when first needed, and a damaged one counts as empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, str] | None = None
        self._changed = False

    def of(self, row: SessionRow, path: str, folder: Path, digest: str) -> str | None:
        """Return one of `KNOWN`; None where that cannot be told: its reader will say why.

        Parameters
        ----------
        row
            The session's row in its table.
        path
            Of its raw data, relative to the study.
        folder
            The study.
        digest
            Of what the path holds.
        """
        if row.modality is not None:
            return row.modality
        known = self._load()
        key = f"{row.format} {digest}"
        if key not in known:
            from alveus.io.read import modality  # loads NumPy, which most plans do without

            place = Path(path) if row.format == "simulation" else folder / path
            try:
                known[key] = modality(row.format, place)
                self._changed = True
            except (AlveusError, OSError):
                return None
        return known[key]

    def save(self) -> None:
        """Write what is new; a folder that cannot be written to costs time, not the plan."""
        if self._changed:
            with suppress(OSError):
                write_atomically(self.path, json.dumps(self._known, sort_keys=True).encode())
                self._changed = False

    def _load(self) -> dict[str, str]:
        if self._known is None:
            try:
                loaded = json.loads(self.path.read_text(encoding="utf-8"))
                entries = loaded.items() if isinstance(loaded, dict) else ()
                self._known = {key: value for key, value in entries if value in KNOWN}
            except (OSError, ValueError, RecursionError):
                self._known = {}
        return self._known
