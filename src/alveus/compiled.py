"""A loop in Python to machine code that is kept on disk, where there is a place to keep it."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile a loop, without the lock of the interpreter, and keep the machine code on disk."""
    try:
        return cast(Function, njit(nogil=True, cache=True)(function))
    except RuntimeError:  # numba found no writable cache: a read-only installation without a home
        return cast(Function, njit(nogil=True)(function))
