"""What is generated from the models is in step with them."""

import importlib.util
import json
from pathlib import Path

import pytest

from alveus.config.document import commented_config, config_schema
from alveus.config.study import Config
from alveus.config.yaml import read_yaml

ROOT = Path(__file__).parents[2]


def generated() -> dict[Path, str]:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generated()


@pytest.mark.parametrize("path", sorted(generated()), ids=lambda path: path.name)
def test_generated_files_are_in_step(path):
    assert path.read_text() == generated()[path], "run `make generate`"


def test_a_commented_config_means_what_it_was_made_from(tmp_path):
    values = read_yaml(ROOT / "config.yaml")
    path = tmp_path / "config.yaml"
    path.write_text(commented_config({"datasets": values["datasets"], "models": values["models"]}))
    assert Config.model_validate(read_yaml(path)) == Config.model_validate(
        {"datasets": values["datasets"], "models": values["models"]}
    )


def test_every_setting_has_a_description():
    schema = json.loads(config_schema())
    for definition in [schema, *schema["$defs"].values()]:
        for name, setting in definition.get("properties", {}).items():
            assert "description" in setting or name in {"method", "kind"}, f"{definition['title']}.{name}"
