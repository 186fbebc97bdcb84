"""A template and its values to one HTML file: everything escaped, paths and private words hidden."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from alveus.report import formatting
from alveus.report.masking import mask
from alveus.report.words import heading, score_words

_DRAWN_WORDS = re.compile(r'(<text\b[^>]*>|aria-label=")([^<"]*)')


def _as_yaml(settings: Mapping[str, Any]) -> str:
    """Write settings as they would stand in a config."""
    import yaml

    return str(yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True, width=100)).rstrip()


def _link(name: str, page: str) -> str:
    """Address of a file in a folder beside the page; no name can turn it into another address."""
    from urllib.parse import quote

    return f"{quote(name, safe='')}/{page}"


def _masked_drawing(drawing: Markup, private: tuple[str, ...]) -> Markup:
    """Mask the words of a drawing and leave its shapes, whose coordinates and images may look like paths."""
    if not private or "<svg" not in drawing:
        return drawing
    return Markup(_DRAWN_WORDS.sub(lambda found: found[1] + mask(found[2], private), str(drawing)))  # noqa: S704


def render(template: str, private: tuple[str, ...], **values: Any) -> str:
    """Fill a template of this package.

    Every value is masked (see `alveus.report.masking`) and escaped; only drawings made here, which are
    ``Markup`` already, are put in as they are. A name that a template uses but nobody gives is an error.

    Parameters
    ----------
    template
        Its file name.
    private
        Words to hide wherever they occur.
    **values
        What the template shows.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    def masked(value: Any) -> Any:
        if isinstance(value, Markup):
            return _masked_drawing(value, private)
        return mask(value, private) if isinstance(value, str) else value

    environment = Environment(
        loader=PackageLoader("alveus.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=masked,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name in ("number", "quantity", "seconds", "percent", "counted", "words"):
        environment.filters[name] = getattr(formatting, name)
    environment.filters["yaml"] = _as_yaml
    environment.globals |= {
        "estimate": formatting.estimate,
        "interval": formatting.interval,
        "heading": heading,
        "score_words": score_words,
        "link": _link,
    }
    return environment.get_template(template).render(**values)
