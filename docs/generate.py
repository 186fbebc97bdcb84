"""Write what is made from the pydantic models: config.yaml's comments, the JSON schemas, the table of settings."""

from pathlib import Path

from alveus.config.document import commented_config, config_schema, sessions_schema, settings_table
from alveus.config.yaml import read_yaml

ROOT = Path(__file__).parent.parent
HEADING = (
    "The example study: simulated recordings whose true latents are known. Every setting is here with its "
    "default; a config of your own needs only what differs. Changing a comment, or the order of keys, "
    "recomputes nothing."
)


def generated() -> dict[Path, str]:
    """Return the text of every generated file."""
    return {
        ROOT / "config.yaml": commented_config(read_yaml(ROOT / "config.yaml"), HEADING),
        ROOT / "workflow" / "schemas" / "config.schema.json": config_schema(),
        ROOT / "workflow" / "schemas" / "sessions.schema.json": sessions_schema(),
        ROOT / "docs" / "guide" / "settings.md": "# Settings\n\nGenerated from the models in `alveus.config`.\n\n"
        + settings_table(),
    }


if __name__ == "__main__":
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
