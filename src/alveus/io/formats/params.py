"""A params.py of phy or Kilosort to the literals it assigns; it is parsed and never run."""

import ast
from pathlib import Path
from typing import Any

from alveus.errors import RecordingError
from alveus.io.files.opening import DAMAGE, check_file

LARGEST = 64 * 1024  # bytes; phy writes some 300, and a huge expression can exhaust the parser's stack


def read_params(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Read ``name = literal`` lines.

    Returns
    -------
    values, ignored
        What is assigned at the top level, and a description of each statement that is anything else.

    Raises
    ------
    RecordingError
        When the file cannot be read, is too large or is no Python.
    """
    size = check_file(path).st_size
    if size > LARGEST:
        raise RecordingError(f"{path.name} has {size} bytes: a params.py has a few lines of name = value")
    try:
        tree = ast.parse(path.read_bytes(), filename=path.name)
    except DAMAGE as error:
        raise RecordingError(f"{path.name} cannot be parsed ({error}): write it again as name = value") from error
    values: dict[str, Any] = {}
    ignored = []
    for statement in tree.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                try:
                    values[name] = ast.literal_eval(value)
                except DAMAGE:
                    values.pop(name, None)
                    ignored.append(f"{name} in line {statement.lineno}")
            case _:
                ignored.append(f"line {statement.lineno}")
    return values, ignored
