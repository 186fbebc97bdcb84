"""A batch to parts that memory holds, and a lack of memory to an error that says what to do."""

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from alveus.errors import TemporaryError
from alveus.fit.batches import Batches
from alveus.models.network import Network

log = logging.getLogger(__name__)

Result = TypeVar("Result")

MOST_VALUES = 2**25
"""Numbers that a network may make of a part of a batch (`Network.values_per_bin`). Training steps were measured to
take 6 to 20 bytes for each, so that a part takes at most 0.7 GB. The limit depends on data and settings alone:
512 unrelated bins stay whole up to 30 000 units."""

REFUSALS = ("can't allocate memory", "not enough memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""In what torch says in a plain RuntimeError when the CPU, CUDA or one of its libraries has no memory left."""


class Room:
    """How many items of a batch are computed at a time: at most `most`, and half of it each time memory runs out.

    Parameters
    ----------
    most
        Items at a time to begin with.
    together
        Items that the objective compares with each other, which cannot be parted.
    item
        What an item is, for messages.
    """

    def __init__(self, most: int, *, together: int = 1, item: str = "bin") -> None:
        self.together, self.item = together, item
        self.most = self._rounded(most)

    def parts(self, n_items: int) -> list[slice]:
        """Return the parts of a batch."""
        return [slice(first, min(first + self.most, n_items)) for first in range(0, n_items, self.most)]

    def attempt(
        self,
        n_items: int,
        compute: Callable[[list[slice]], Result],
        *,
        doing: str,
        tell: Callable[[str], None] | None = None,
    ) -> Result:
        """Compute a batch in parts, in ever smaller ones where memory runs out.

        Parameters
        ----------
        n_items
            Of the batch.
        compute
            Is given the parts, all of them anew after each failure; must leave nothing behind when it fails.
        doing
            What is being done and where, for messages.
        tell
            Is given a sentence each time parts become smaller; by default it goes to the log.

        Raises
        ------
        TemporaryError
            When memory does not suffice for the smallest part.
        """
        while True:
            try:
                return compute(self.parts(n_items))
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                reason = _first_line(error)
            # not within `except`: the error holds on to all that was computed before it
            free()
            size = min(self.most, n_items)
            if size <= self.together:
                raise TemporaryError(self._refusal(doing, size, reason))
            self.most = self._rounded(-(-size // 2))
            sentence = (
                f"{doing}: memory ran out ({reason}); from here on batches are computed in parts of "
                f"{self._told(self.most)}, which give the same up to rounding"
            )
            log.warning("%s", sentence)
            if tell is not None:
                tell(sentence)

    def _rounded(self, most: int) -> int:
        """Return a whole number of what must stay together, at least one."""
        return max(1, most // self.together) * self.together

    def _refusal(self, doing: str, size: int, reason: str) -> str:
        together = (
            f" ({self._told(self.together)} are compared with each other by objective total_correlation, so that "
            "fewer would change what is trained)"
            if self.together > 1
            else ""
        )
        return f"{doing}: memory does not suffice for {self._told(size)}{together}; {_advice(reason)}"

    def _told(self, n_items: int) -> str:
        plural = "" if n_items == 1 else "s" if self.item == "bin" else "es"
        return f"{n_items} {self.item}{plural}"


def room_for(network: Network, batches: Batches, *, together: int = 1) -> Room:
    """Return how many items of these batches a network may be given at a time; see `MOST_VALUES`."""
    bins_per_item = batches.shape(1).numel()
    most = MOST_VALUES // (bins_per_item * network.values_per_bin)
    return Room(max(1, most), together=together, item=batches.item)


@contextmanager
def memory_told(doing: str) -> Iterator[None]:
    """Turn a lack of memory that nothing else has dealt with into a `TemporaryError`."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise TemporaryError(f"{doing}: memory ran out; {_advice(_first_line(error))}") from error


def out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory could not be had, on a GPU or a CPU.

    >>> out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."))
    True
    >>> out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    False
    """
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in REFUSALS)


def free() -> None:
    """Give back what no tensor needs any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _advice(reason: str) -> str:
    return (
        "give the job more mem_mb, end what else uses the GPU or set training.device to cpu, or choose narrower "
        f"layers, then run it again ({reason})"
    )
