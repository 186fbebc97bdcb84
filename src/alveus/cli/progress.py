"""Rows of a training history to signs of life: a bar on a terminal, a line now and then in a log."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from alveus.cli.job import log


@contextmanager
def progress_line(what: str, seconds_per_line: float) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Yield a function that takes rows of a history and shows how far training is.

    Parameters
    ----------
    what
        Put before the bar.
    seconds_per_line
        Time between lines in the log, where there is no terminal [s].
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        with tqdm(desc=what, unit=" evaluations", leave=False) as bar:

            def show(row: Mapping[str, Any]) -> None:
                bar.update()
                bar.set_postfix_str(_words(row))

            yield show
        return
    last = time.monotonic()

    def write(row: Mapping[str, Any]) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds_per_line:
            last = time.monotonic()
            log.info("%s", _words(row))

    yield write


def _words(row: Mapping[str, Any]) -> str:
    return f"seed {row['seed']}, step {row['step']}: validation loss {row['validation_loss']:.4g} nats per bin"
