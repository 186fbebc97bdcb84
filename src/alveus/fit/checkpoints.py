"""Turns the state of a run into files that survive being killed at any moment, and back."""

import hashlib
import io
import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

MAGIC = b"alveus checkpoint 1 "
DIGEST_CHARACTERS = 64  # of a SHA-256, in hexadecimal


class Checkpoints:
    """The two latest checkpoints of a run.

    Each is a header with the SHA-256 of what follows, then the state as torch saves tensors and plain numbers
    (read back with ``weights_only``: no code in a file is ever run). A checkpoint is written beside the others,
    flushed to disk, and only then takes the place of the latest, which becomes the previous one.

    Parameters
    ----------
    folder
        Where they are kept; made when the first is saved.
    key
        Stands for data, settings and code. A checkpoint with another key is of another run and ignored.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self.key = key
        self.latest = folder / "latest.ckpt"
        self.previous = folder / "previous.ckpt"

    def save(self, state: dict[str, Any]) -> None:
        """Write a state of tensors, numbers, text, lists and mappings."""
        buffer = io.BytesIO()
        torch.save({"key": self.key, "state": state}, buffer)
        payload = buffer.getbuffer()
        self.latest.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.latest.with_name(f"latest.ckpt.tmp-{os.getpid()}")
        try:
            with fresh.open("wb") as file:
                file.write(MAGIC + hashlib.sha256(payload).hexdigest().encode() + b"\n")
                file.write(payload)
                file.flush()
                os.fsync(file.fileno())
            if self.latest.exists():
                self.latest.replace(self.previous)
            fresh.replace(self.latest)
        finally:
            fresh.unlink(missing_ok=True)

    def load(self) -> tuple[dict[str, Any] | None, list[str]]:
        """Read the newest checkpoint of this run; what a killed save left half-written is removed.

        Returns
        -------
        Its state, or None where there is none; and a note for each file that was passed over.
        """
        self._remove_drafts()
        notes: list[str] = []
        for path in (self.latest, self.previous):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                notes.append(f"ignored the checkpoint {path.name}, which cannot be read: {error.strerror}")
                continue
            found = _unpack(content)
            if found is None:
                notes.append(f"ignored the checkpoint {path.name}: it is damaged ({len(content)} bytes)")
            elif found["key"] != self.key:
                notes.append(f"ignored the checkpoint {path.name}: it belongs to other data, settings or code")
            else:
                return found["state"], notes
        return None, notes

    def clear(self) -> None:
        """Delete both, once what they lead to is published."""
        self.latest.unlink(missing_ok=True)
        self.previous.unlink(missing_ok=True)
        self._remove_drafts()

    def _remove_drafts(self) -> None:
        for left in self.latest.parent.glob("latest.ckpt.tmp-*"):
            left.unlink(missing_ok=True)


def _unpack(content: bytes) -> dict[str, Any] | None:
    start = len(MAGIC) + DIGEST_CHARACTERS + 1
    payload = content[start:]
    digest = content[len(MAGIC) : start - 1]
    if not content.startswith(MAGIC) or hashlib.sha256(payload).hexdigest().encode() != digest:
        return None
    try:
        found = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError):
        return None
    return found if isinstance(found, dict) and {"key", "state"} <= found.keys() else None
