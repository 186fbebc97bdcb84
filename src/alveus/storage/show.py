"""A store, a manifest or a table of scores to readable lines, without reading a single array."""

import csv
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from alveus.errors import ArtefactError
from alveus.storage.manifest import read_manifest

HEAD = (
    "session",
    "dataset",
    "model",
    "n_seeds",
    "n_bins",
    "n_units",
    "n_held_out",
    "n_latents",
    "modality",
    "quantity",
)
"""What a description begins with, in this order, where a manifest has it."""

SHOWN_APART = {*HEAD, "kind", "schema", "artefact", "files", "digest", "arrays", "split", "behavior", "findings",
               "notes", "bin_size", "bin_width"}  # fmt: skip


def describe(path: Path) -> str:
    """Describe a store (by its manifest), a manifest, a folder of one session, or a ``scores.csv``.

    Raises
    ------
    ArtefactError
        When there is nothing there that alveus has published.
    """
    if path.suffix == ".csv":
        return _describe_scores(path)
    manifest_path = path.with_suffix(".json") if path.suffix in (".zarr", ".pt") else path
    if not path.exists() or manifest_path.is_dir():
        raise ArtefactError(
            f"{path}: there is nothing to show: name a .zarr store, a manifest (.json), a model.pt or a scores.csv"
        )
    if path.suffix == ".pt":
        manifest_path = path.with_name("fit.json")
    manifest = read_manifest(manifest_path)
    return "\n".join(_describe_manifest(manifest_path, manifest)) + "\n"


def _describe_manifest(path: Path, manifest: dict[str, Any]) -> Iterable[str]:
    yield _clean(f"{path.parent / manifest['artefact']}: {manifest['kind']}")
    sizes = [row[0] for row in manifest["files"].values()]
    facts = [(name, manifest[name]) for name in HEAD if name in manifest]
    if "bin_size" in manifest:
        duration = manifest["n_bins"] * manifest["bin_size"]
        facts += [("bin size", f"{manifest['bin_size']:g} s"), ("observed", f"{duration:g} s")]
    facts += [("files", f"{len(sizes)}, {sum(sizes) / 1e6:.3g} MB"), ("digest", manifest["digest"][:16])]
    yield from _table(facts, indent=2)
    if arrays := manifest.get("arrays"):
        rows = [
            (name, a["dtype"], " x ".join(map(str, a["shape"])), ", ".join(a["dimensions"]))
            for name, a in arrays.items()
        ]
        yield from _section("arrays", rows)
    if split := manifest.get("split"):
        total = sum(split.values()) or 1
        yield from _section("split", [(n, f"{c} bins", f"{c / total:.1%}") for n, c in split.items()])
    if behavior := manifest.get("behavior"):
        yield from _section("behaviour", [_covariate(line) for line in behavior])
    rest = {name: value for name, value in manifest.items() if name not in SHOWN_APART}
    for name in sorted(rest):
        if rest[name] not in (None, "", {}, []):
            flat = list(_flatten(rest[name]))
            yield from _section(name.replace("_", " "), flat)
    if findings := manifest.get("findings"):
        yield from _section("findings", [(str(f["count"]), f["message"]) for f in findings])
    if notes := manifest.get("notes"):
        yield from _section("notes", [(note,) for note in notes])


def _covariate(line: dict[str, Any]) -> tuple[str, ...]:
    extent = f"period {line['period']:g}" if line["period"] else ", ".join(line["labels"])
    return line["name"], line["kind"], line["unit"], f"{line['coverage']:.1%} of bins", extent


def _flatten(value: Any, name: str = "") -> Iterable[tuple[str, ...]]:
    """Yield the leaves of nested mappings with dotted names."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flatten(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and value and isinstance(value[0], dict | list):
        for number, item in enumerate(value):
            yield from _flatten(item, f"{name}.{number}" if name else str(number))
    else:
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        yield (name, shown) if name else (shown,)


def _describe_scores(path: Path) -> str:
    """Describe a table of scores: a line per model, score and target, over seeds."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise ArtefactError(f"{path}: the table of scores cannot be read: {error}") from error
    if rows and not {"score", "value", "status"} <= set(rows[0]):
        raise ArtefactError(f"{path}: this table has no columns score, value and status")
    groups: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows:
        name = (row.get("session") or "", row.get("model") or "", row["score"], row.get("target") or "")
        groups.setdefault(name, []).append(row)
    lines: list[tuple[str, ...]] = [("session", "model", "score", "target", "value", "floor", "seeds", "status")]
    lines += [(*name, _middle(found, "value"), _middle(found, "floor"), str(len(found)), _states(found))
              for name, found in groups.items()]  # fmt: skip
    return "\n".join([_clean(f"{path}: {len(rows)} scores; median over seeds"), *_table(lines, indent=2)]) + "\n"


def _middle(rows: list[dict[str, str]], column: str) -> str:
    given = [row[column] for row in rows if row.get(column)]
    try:
        return f"{statistics.median(float(value) for value in given):.4g}" if given else ""
    except ValueError:  # the verdicts are words
        return ", ".join(sorted(set(given)))


def _states(rows: list[dict[str, str]]) -> str:
    return ", ".join(sorted({row["status"] for row in rows}))


def _section(title: str, rows: Sequence[Sequence[Any]]) -> Iterable[str]:
    yield ""
    yield title
    yield from _table(rows, indent=2)


def _table(rows: Sequence[Sequence[Any]], indent: int) -> Iterable[str]:
    """Yield rows with their columns aligned; the last column is as long as it likes."""
    cells = [[_clean(str(cell)) for cell in row] for row in rows]
    n_columns = max((len(row) for row in cells), default=0)
    widths = [max(len(row[i]) for row in cells if i < len(row)) for i in range(n_columns)]
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield (" " * indent + "  ".join(padded)).rstrip()


def _clean(text: str) -> str:
    """Return text without control characters: a name from a file must not steer the terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)
