"""The pydantic models to what people and editors read: commented configs, JSON schemas, a table of settings."""

import json
import textwrap
from collections.abc import Mapping
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from alveus.config.models import Autoencoder, FactorAnalysis, Ica, Nmf, Pca, Vae
from alveus.config.study import Config, Dataset
from alveus.config.table import FORMATS, LONGEST_TAU, MODALITIES, OPTIONAL, REQUIRED

COMMENT_COLUMN = 44
WIDTH = 110
METHODS: dict[str, type[BaseModel]] = {
    "pca": Pca,
    "factor_analysis": FactorAnalysis,
    "ica": Ica,
    "nmf": Nmf,
    "autoencoder": Autoencoder,
    "vae": Vae,
}

TABLE_COLUMNS = {
    "session": "id of the session: letters, digits, '-', '_' and '.'; always text",
    "format": "how the raw data are stored",
    "path": "raw file or folder, relative to the table; for a simulation its name and options (lorenz?seed=1)",
    "sampling_rate": "samples or frames per second [Hz], where the files do not say",
    "behavior": "path of a further npz file with behaviour and trials, relative to the table",
    "modality": "spikes or calcium, where the file could be either",
    "tau": "time constant of the calcium indicator's decay [s]; goes before what the files say",
}


def config_schema() -> str:
    """Return the JSON schema of config.yaml."""
    return json.dumps(Config.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def sessions_schema() -> str:
    """Return the JSON schema of one row of a session table."""
    properties: dict[str, Any] = {
        name: {"type": "string", "description": text} for name, text in TABLE_COLUMNS.items()
    }
    properties["format"]["enum"] = list(FORMATS)
    properties["modality"]["enum"] = list(MODALITIES)
    properties["tau"] = {
        **properties["tau"], "type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": LONGEST_TAU,
    }  # fmt: skip
    properties["sampling_rate"] = {**properties["sampling_rate"], "type": "number", "exclusiveMinimum": 0}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Row of a session table",
        "description": "Further columns are settings of the section preprocess, for this session only.",
        "type": "object",
        "required": list(REQUIRED),
        "properties": {name: properties[name] for name in (*REQUIRED, *OPTIONAL)},
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def commented_config(values: Mapping[str, Any], heading: str = "") -> str:
    """Write settings as YAML with every setting of every section present and explained.

    Parameters
    ----------
    values
        What differs from the defaults, as read from a config file.
    heading
        Comment on top.
    """
    lines = [f"# {line}" for line in textwrap.wrap(heading, WIDTH - 2)]
    for name, field in Config.model_fields.items():
        given = values.get(name)
        if name == "datasets":
            lines += ["", f"datasets:  # {field.description}"]
            for key, dataset in (given or {}).items():
                lines.append(f"  {key}:")
                lines += _given_lines(Dataset, dataset, indent=4)
        elif name == "models":
            lines += ["", f"models:  # {field.description}"]
            for key, model in (given or {}).items():
                lines.append(f"  {key}:")
                lines += _section_lines(METHODS[model["method"]], model, indent=4)
        else:
            lines += _field_lines(name, field, given, indent=0)
    return "\n".join(lines).strip() + "\n"


def settings_table() -> str:
    """Return a Markdown table of every setting: name, default, meaning."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for name, field in Config.model_fields.items():
        if name not in {"models", "datasets"}:
            rows += _table_rows(name, field)
    rows += [
        row for name, field in Dataset.model_fields.items() for row in _table_rows(f"datasets.*.{name}", field)
    ]
    for method, model in METHODS.items():
        rows += [
            row
            for name, field in model.model_fields.items()
            for row in _table_rows(f"models.* ({method}).{name}", field)
        ]
    return "\n".join(rows) + "\n"


def _table_rows(name: str, field: FieldInfo) -> list[str]:
    sections = _sections(field)
    if sections and "kind" not in sections[0].model_fields:
        return [
            row for key, below in sections[0].model_fields.items() for row in _table_rows(f"{name}.{key}", below)
        ]
    default = "required" if field.is_required() else f"`{_inline(_default(field))}`"
    own = [
        row
        for choice in sections
        for key, below in choice.model_fields.items()
        if key != "kind"
        for row in _table_rows(f"{name} ({choice.model_fields['kind'].default}).{key}", below)
    ]
    return [f"| `{name}` | {default} | {(field.description or '').replace('|', '/')} |", *own]


def _field_lines(name: str, field: FieldInfo, given: Any, indent: int) -> list[str]:
    sections = _sections(field)
    if not sections or "kind" in sections[0].model_fields:
        value = _default(field) if given is None and not field.is_required() else given
        return [_commented(f"{' ' * indent}{name}: {_inline(value)}", field.description)]
    head = [""] if indent == 0 else []
    return [
        *head,
        _commented(f"{' ' * indent}{name}:", field.description, column=0),
        *_section_lines(sections[0], given or {}, indent + 2),
    ]


def _section_lines(section: type[BaseModel], given: Mapping[str, Any], indent: int) -> list[str]:
    return [
        line
        for name, field in section.model_fields.items()
        for line in _field_lines(name, field, given.get(name), indent)
    ]


def _given_lines(section: type[BaseModel], given: Mapping[str, Any], indent: int) -> list[str]:
    return [
        _commented(f"{' ' * indent}{name}: {_inline(value)}", section.model_fields[name].description)
        for name, value in given.items()
    ]


def _commented(line: str, comment: str | None, column: int = COMMENT_COLUMN) -> str:
    if not comment:
        return line
    first = max(column, len(line) + 2)
    parts = textwrap.wrap(comment, max(40, WIDTH - first - 2))
    head = f"{line.ljust(first)}# {parts[0]}"
    return "\n".join([head, *(f"{' ' * first}# {part}" for part in parts[1:])])


def _default(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
        rest = {k: v for k, v in value.items() if k != "kind"}
        return value if rest else value["kind"]
    return value


def _inline(value: Any) -> str:
    plain = list(value) if isinstance(value, tuple) else value
    return (
        yaml.safe_dump(plain, default_flow_style=True, width=10_000, sort_keys=False)
        .removesuffix("\n...\n")
        .strip()
    )


def _sections(field: FieldInfo) -> list[type[BaseModel]]:
    """Return the sections a field may hold, in the order they are named, through Annotated and unions."""
    waiting: list[Any] = [field.annotation]
    found: list[type[BaseModel]] = []
    while waiting:
        annotation = waiting.pop(0)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.append(annotation)
        elif get_origin(annotation) in {Annotated, Union, UnionType}:
            waiting = [*get_args(annotation), *waiting]
    return found
