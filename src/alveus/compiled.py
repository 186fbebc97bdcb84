"""Loops in plain Python to machine code: the one place that says how numba is used."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a loop and keep the machine code on disk, where there is a place to keep it."""
    try:
        return cast(Function, njit(nogil=True, cache=True)(function))
    except RuntimeError:  # numba found no writable cache: a read-only installation without a home
        return cast(Function, njit(nogil=True)(function))
