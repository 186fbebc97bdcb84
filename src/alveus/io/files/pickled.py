"""A dictionary that np.save pickled to plain values: the pickle is read as data, nothing in it is called."""

import math
import pickletools
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from alveus.errors import RecordingError
from alveus.io.files.npy import PLAIN_KINDS, check_limit, native
from alveus.io.files.opening import Watch, reading

MOST_STEPS = 2_000_000  # of a pickle; 100 000 file names take 200 000, and each step can make an object
MARK = object()

ARRAYS = {"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"}
BUFFERS = {"numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"}
SCALARS = {"numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"}
PATHS = {
    f"{module}.{name}"
    for module in ("pathlib", "pathlib._local")
    for name in ("Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath")
}
CONTAINERS = {
    f"{module}.{name}"
    for module, names in {
        "builtins": ("set", "frozenset", "list", "tuple", "dict", "bytes", "bytearray"),
        "__builtin__": ("set", "frozenset", "list", "tuple", "dict", "bytes", "bytearray"),
        "collections": ("OrderedDict",),
    }.items()
    for name in names
}
IGNORED = {
    "datetime.datetime",
    "datetime.date",
    "datetime.timedelta",
    "datetime.timezone",
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("slice", "range", "complex")),
}
"""Known, and never of use here."""

KNOWN = {
    *ARRAYS,
    *BUFFERS,
    *SCALARS,
    *PATHS,
    *CONTAINERS,
    *IGNORED,
    "numpy.ndarray",
    "numpy.dtype",
    "_codecs.encode",
}
"""All that settings saved with np.save are made of; anything else is refused by its name."""

REFUSED = {"PERSID", "EXT1", "EXT2", "EXT4"}
"""Steps with an argument that is no value but a name of something outside the file."""


class Name(NamedTuple):
    """What a pickle calls by name; it stays a name."""

    text: str


class Made:
    """What a pickle would make by a call: the name, its arguments, and the state given to it later."""

    def __init__(self, name: str, arguments: tuple[Any, ...]) -> None:
        self.name, self.arguments = name, arguments
        self.state: Any = None


def read_pickled_dict(path: Path, max_bytes: int) -> dict[str, Any]:
    """Read a dictionary that was saved with ``np.save(path, dictionary)``.

    A pickle is a program for a machine with a stack. This one knows the steps that build containers, text and
    numbers, and the names NumPy and pathlib need; it has no step that imports or calls, so a pickle that wants to
    run code is refused where another reader would obey.

    Returns
    -------
    dictionary
        Its entries with text as keys: numbers, text, arrays of numbers or text, lists and dictionaries (whose own
        arrays stay as the pickle describes them); paths as text; dates and everything else as None.

    Raises
    ------
    RecordingError, TemporaryError
        When the file is missing, damaged, larger than allowed, holds no dictionary, or names anything besides
        arrays, paths, dates and containers.
    """
    watch = Watch(path)
    check_limit(watch.size, max_bytes, path.name)
    with reading(watch, "npy"), path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)
        if math.prod(shape) != 1 or not dtype.hasobject:
            raise RecordingError(f"{path} has shape {shape} and type {dtype}: it must hold one dictionary")
        value = _plain(_run(file.read(), path))
        if isinstance(value, list) and len(value) == 1:
            value = _plain(value[0])
    if not isinstance(value, dict):
        raise RecordingError(f"{path} holds no dictionary: save it again with suite2p")
    with reading(watch, "npy"):
        return {key: _plain(entry) for key, entry in value.items() if isinstance(key, str)}


def _run(program: bytes, path: Path) -> Any:
    """Carry out the steps of a pickle that build data."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    argument: Any
    for number, (step, argument, _) in enumerate(pickletools.genops(program)):
        if number >= MOST_STEPS:
            raise RecordingError(f"{path} takes more than {MOST_STEPS} steps to read: it holds no settings")
        match step.name:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return stack.pop()
            case "MARK":
                stack.append(MARK)
            case "POP":
                stack.pop()
            case "NONE":
                stack.append(None)
            case "NEWTRUE" | "NEWFALSE":
                stack.append(step.name == "NEWTRUE")
            case "EMPTY_LIST" | "EMPTY_SET":
                stack.append([])
            case "EMPTY_DICT":
                stack.append({})
            case "EMPTY_TUPLE":
                stack.append(())
            case "LIST":
                stack.append(_since_mark(stack))
            case "TUPLE" | "FROZENSET":
                stack.append(tuple(_since_mark(stack)))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(_take(stack, int(step.name[-1]))))
            case "DICT":
                items = _since_mark(stack)
                stack.append({})
                _set_items(stack[-1], items)
            case "APPEND":
                _extend(stack, _take(stack, 1))
            case "APPENDS" | "ADDITEMS":
                items = _since_mark(stack)
                _extend(stack, items)
            case "SETITEM":
                items = _take(stack, 2)
                _set_items(stack[-1], items)
            case "SETITEMS":
                items = _since_mark(stack)
                _set_items(stack[-1], items)
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_name(argument.replace(" ", ".", 1), path))
            case "STACK_GLOBAL":
                stack.append(_name(".".join(_take(stack, 2)), path))
            case "REDUCE" | "NEWOBJ":
                called, arguments = _take(stack, 2)
                stack.append(_made(called, arguments, path))
            case "BUILD":
                (state,) = _take(stack, 1)
                if not isinstance(stack[-1], Made):
                    raise RecordingError(f"{path} gives a state to something that has none: it is damaged")
                stack[-1].state = state
            case _ if step.arg is not None and step.stack_before == [] and step.name not in REFUSED:
                stack.append(argument)  # a number, text or bytes
            case _:
                raise RecordingError(f"{path} is pickled with {step.name}, which settings do not need: not read")
    raise EOFError("the pickle does not end")


def _take(stack: list[Any], count: int) -> list[Any]:
    """Remove the last values of the stack, in their order."""
    if count > len(stack):
        raise IndexError("the pickle takes more than it made")
    taken = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return taken


def _since_mark(stack: list[Any]) -> list[Any]:
    place = len(stack) - 1
    while stack[place] is not MARK:
        place -= 1
        if place < 0:
            raise IndexError("the pickle has no mark")
    taken = stack[place + 1 :]
    del stack[place:]
    return taken


def _extend(stack: list[Any], items: list[Any]) -> None:
    if not isinstance(stack[-1], list):
        raise TypeError("values are added to what is no list")
    stack[-1].extend(items)


def _set_items(target: Any, items: list[Any]) -> None:
    entries = target.state if isinstance(target, Made) else target  # an OrderedDict
    if isinstance(target, Made) and target.name == "collections.OrderedDict" and entries is None:
        entries = target.state = {}
    if not isinstance(entries, dict):
        raise TypeError("entries are added to what is no dictionary")
    for key, value in zip(items[::2], items[1::2], strict=True):
        if isinstance(key, str | int | float | bytes | None):  # nothing whose hash could take for ever
            entries[key] = value


def _name(text: str, path: Path) -> Name:
    if text not in KNOWN:
        raise RecordingError(
            f"{path} is a pickle that asks for {text[:100]!r}, which settings do not need and which could run "
            "code: it was not read; give sampling_rate (and tau) in the session table, or save "
            "it again from a source you trust"
        )
    return Name(text)


def _made(called: Any, arguments: Any, path: Path) -> Any:
    if not isinstance(called, Name) or not isinstance(arguments, tuple):
        raise RecordingError(f"{path} calls something without a name: it is damaged")
    if called.text == "_codecs.encode":
        return str(arguments[0]).encode("latin1")
    if called.text in PATHS:
        return str(PurePosixPath(*[part for part in arguments if isinstance(part, str)]))
    if called.text.endswith(".bytes"):
        return b""  # how old protocols write it
    return Made(called.text, arguments)


def _plain(value: Any) -> Any:
    """Return what a value of a pickle stands for, as far as it is plain."""
    if not isinstance(value, Made):
        return value
    if value.name in CONTAINERS:
        return value.state if value.state is not None else list(*value.arguments)
    if value.name in ARRAYS and isinstance(value.state, tuple) and len(value.state) == 5:
        _, shape, kind, by_columns, content = value.state
        if isinstance(content, list):  # objects
            return content
        return _array(content, kind, shape, "F" if by_columns else "C")
    if value.name in BUFFERS and len(value.arguments) == 4:
        content, kind, shape, order = value.arguments
        return _array(_plain(content), kind, shape, order)
    if value.name in SCALARS and len(value.arguments) == 2:
        array = _array(value.arguments[1], value.arguments[0], (), "C")
        return None if array is None else array.item()
    return None


def _array(content: Any, kind: Any, shape: Any, order: Any) -> Any:
    """Make an array of plain values from its bytes, or None of anything else."""
    if isinstance(content, str):
        content = content.encode("latin1")  # by Python 2
    if not isinstance(kind, Made) or kind.name != "numpy.dtype" or not isinstance(content, bytes | bytearray):
        return None
    code = kind.arguments[0] if kind.arguments else None
    if not isinstance(code, str) or code[:1] not in PLAIN_KINDS or not code[1:].isdigit() or len(code) > 8:
        return None
    swapped = isinstance(kind.state, tuple) and len(kind.state) > 1 and kind.state[1] == ">"
    dtype = np.dtype(code).newbyteorder(">" if swapped else "<")
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"an array of shape {shape!r}")
    if dtype.itemsize * math.prod(shape) != len(content):
        raise ValueError(f"an array of shape {shape} and type {dtype} in {len(content)} bytes")
    if not len(content):
        return native(np.empty(shape, dtype))
    return native(np.frombuffer(bytes(content), dtype)).reshape(shape, order="F" if order == "F" else "C")
