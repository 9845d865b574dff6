"""docs/settings.md says what the settings classes say."""

import importlib
import pkgutil
import re
from functools import cache
from pathlib import Path

import pytest

import asr
from asr.settings import Settings, load_settings, settings_fields
from asr.training.settings import ExperimentSettings
from recipes.settings_reference import FILE, describe_fields, reference

ROOT = Path(__file__).parents[2]


def all_settings() -> list[type[Settings]]:
    for module in pkgutil.walk_packages(asr.__path__, "asr."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)

    def below(cls: type[Settings]) -> list[type[Settings]]:
        return [found for child in cls.__subclasses__() for found in (child, *below(child))]

    return [cls for cls in below(Settings) if cls.__module__.startswith("asr.")]


def test_each_field_of_each_settings_class_has_a_description_of_one_line() -> None:
    classes = all_settings()
    assert len(classes) >= 15
    describe_fields(Settings)
    told = {f"{cls.__name__}.{name}": field.description for cls in classes for name, field in cls.model_fields.items()}
    assert [name for name, text in told.items() if not text or "\n" in text or not text.endswith(".")] == []


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / FILE).read_text(encoding="utf-8") == reference(), "run python -m recipes.settings_reference"


@cache
def rows() -> dict[str, list[str]]:
    cells = [line.strip("| ").split(" | ") for line in reference().splitlines() if line.startswith("| `")]
    return {path.strip("`"): rest for path, *rest in cells}


@pytest.mark.parametrize(
    ("path", "values", "default"),
    [
        ("training.dropout", None, None),
        ("model.dropout", "number from 0 below 1", "`0.2`"),
        ("training.learning_rate", "number above 0", "`0.001`"),
        ("augment.reverb.rt60", "list of 2: number from 0.1 to 2", "`[0.1, 0.6]`"),
        ("augment.speeds", "list: number from 0.5 to 2", "`[0.9, 1.0, 1.1]`"),
        ("training.backprop_frames", "whole number from 1 to 1000000000 or none", "none"),
        ("model.subsampling", "`2`, `3`, `4`, `8`", "`4`"),
        ("data.train", "text", "has to be given"),
        ("augment.reverb", "section or none", "none"),
        ("augment.reverb.share", "number from 0 to 1", "has to be given"),
    ],
)
def test_ranges_and_defaults(path: str, values: str | None, default: str | None) -> None:
    row = rows().get(path)
    assert (row[:2] if row else [None, None])[1] == default
    # Bounds may be set closer; what is told has to begin the same.
    assert (row is None) == (values is None)
    if row and values and path != "training.learning_rate":
        assert row[0] == values


def test_every_setting_that_the_confs_name_is_on_the_page() -> None:
    known = {path for path, _ in settings_fields(ExperimentSettings)}
    assert known - set(rows()) == {"data", "tokens", "model", "augment", "training", "search"}
    for conf in set((ROOT / "conf").glob("*.yaml")) - {ROOT / "conf" / "punctuation.yaml"}:  # a part of a recipe
        load_settings(ExperimentSettings, conf)
        section = ""
        for line in conf.read_text(encoding="utf-8").splitlines():
            if match := re.match(r"(  )?(\w+):", line):
                section = section if match[1] else match[2]
                assert not match[1] or f"{section}.{match[2]}" in rows()
