"""Stages to the numbers that say when their results change."""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

STAGES = {
    "deconvolve": 1,
    "bin": 1,
    "fit": 3,
    "encode": 5,
    "rates": 1,
    "score": 6,
    "score_session": 4,
    "report": 3,
    "report_dataset": 3,
}
"""Raised by hand when a stage's results change: everything it made, and all that follows, is made again."""

ENTRY = {
    "deconvolve": ("alveus.io", "alveus.calcium", "alveus.storage.events"),
    "bin": ("alveus.io", "alveus.preprocessing", "alveus.storage.dataset"),
    "fit": ("alveus.fit",),
    "encode": ("alveus.encode", "alveus.storage.latents"),
    "rates": ("alveus.encode.rates", "alveus.storage.rates"),
    "score": ("alveus.scores.score_model",),
    "score_session": ("alveus.scores.score_session",),
    "report": ("alveus.report",),
    "report_dataset": ("alveus.report",),
}
"""Where the code of each stage begins, for ``code_tracking: strict``."""


def stage_version(stage: str, tracking: Literal["version", "strict", "off"]) -> str:
    """Return what stands for a stage's code in the workflow's params.

    ``version`` gives its number; ``strict`` a digest of the syntax trees of all modules it reaches, without
    docstrings; ``off`` nothing.
    """
    if tracking == "off":
        return ""
    if tracking == "version":
        return str(STAGES[stage])
    return code_digest(ENTRY[stage])


def code_digest(modules: tuple[str, ...]) -> str:
    """Return a digest of the code that modules of alveus reach: comments, layout and docstrings do not count."""
    digest = hashlib.sha256()
    for path in sorted(_reached(modules)):
        digest.update(path.name.encode())
        digest.update("\n".join(_lines(_without_docstrings(ast.parse(path.read_text())))).encode())
    return digest.hexdigest()[:16]


def _reached(modules: tuple[str, ...]) -> set[Path]:
    waiting = [path for module in modules for path in _files(module)]
    seen: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        names = _imported(ast.parse(path.read_text()))
        waiting += [p for name in names if name.startswith("alveus") for p in _module_file(name)]
    return seen


def _imported(node: ast.AST) -> Iterator[str]:
    """Yield the modules that code imports, besides those it names only for a type checker."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    if isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imported(child)


def _files(module: str) -> list[Path]:
    """Return a module's file, or all files of a package."""
    files = _module_file(module)
    if files and files[0].name == "__init__.py":
        return sorted(files[0].parent.rglob("*.py"))
    return files


def _module_file(module: str) -> list[Path]:
    root = Path(__file__).parent.parent
    path = root.joinpath(*module.split(".")[1:])
    candidates = (path / "__init__.py", path.with_suffix(".py"))
    return [candidate for candidate in candidates if candidate.is_file()]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [
                s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
            ]
    return tree


def _lines(node: object) -> Iterator[str]:
    """Write out a syntax tree the same on every Python: empty fields, which newer ones add, are left out."""
    if isinstance(node, ast.AST):
        yield type(node).__name__
        for name, value in ast.iter_fields(node):
            if value not in (None, []) and name not in {"kind", "type_comment"}:
                yield name
                yield from _lines(value)
        yield "."
    elif isinstance(node, list):
        for item in node:
            yield from _lines(item)
    else:
        yield repr(node)
