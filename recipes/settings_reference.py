"""Writes docs/settings.md: each setting with its range, default and meaning, from the settings classes.

Use: `python -m recipes.settings_reference`, after a settings class has changed.
"""

import ast
import inspect
import json
import textwrap
import types
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from asr.files import write_text
from asr.lm.neural.train import NeuralTrainingSettings
from asr.settings import Settings, settings_fields
from asr.training.settings import ExperimentSettings

FILE = Path("docs/settings.md")
_KINDS = {int: "whole number", float: "number", bool: "true, false", str: "text"}
_BOUNDS = {"ge": "from {}", "gt": "above {}", "le": "to {}", "lt": "below {}"}  # attributes of annotated_types
_INTRODUCTION = """# Settings

Written by `python -m recipes.settings_reference`: each line comes from a field of a settings class.

A settings file of `conf/` is YAML, with a section for each heading here; `asr train CONF --set training.seed=2` changes
one setting. Settings that are not given have their defaults, unknown ones are refused. All settings of a run are in the
run folder, as `settings.yaml`. "none" is written `null`.
"""
_LANGUAGE_MODEL = """## Neural language model

For `asr lm train-rnn`, by `--set network.hidden_size=512`.
"""


def main() -> None:
    write_text(FILE, reference())


def reference() -> str:
    """The whole page, as Markdown."""
    describe_fields(Settings)
    return "\n".join([_INTRODUCTION, *_sections(ExperimentSettings), _LANGUAGE_MODEL, _table(NeuralTrainingSettings)])


def describe_fields(cls: type[Settings]) -> None:
    """Give each field of the class, and of all classes that are made of it, its docstring as `description`."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(definition, ast.ClassDef)
    for field, text in pairwise(definition.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(docstring))):
                cls.model_fields[name].description = inspect.cleandoc(docstring)
    for child in cls.__subclasses__():
        for name, inherited in cls.model_fields.items():
            child.model_fields[name].description = inherited.description
        describe_fields(child)


def _sections(cls: type[Settings]) -> Iterator[str]:
    for name, field in cls.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)
        assert issubclass(section, Settings)
        yield f"## {name}\n\n{field.description}\n"
        yield _table(section, prefix=f"{name}.")


def _table(cls: type[Settings], prefix: str = "") -> str:
    rows = [
        f"| `{prefix}{path}` | {_range(field.annotation, field.metadata)} | {_default(field)} | {field.description} |\n"
        for path, field in settings_fields(cls)
    ]
    return "| setting | values | default | |\n|---|---|---|---|\n" + "".join(rows)


def _range(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """What a field may hold, in words."""
    parts = get_args(annotation)
    if get_origin(annotation) is Annotated:
        return _range(parts[0], [*_flat(parts[1:]), *metadata])
    if get_origin(annotation) in (Union, types.UnionType):
        some = dict.fromkeys(_range(part, metadata) for part in parts if part is not types.NoneType)
        return " or ".join([*some, *(["none"] if types.NoneType in parts else [])])
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{part}`" for part in parts)
    if get_origin(annotation) is tuple:
        return f"list: {_range(parts[0])}" if parts[1:] == (...,) else f"list of {len(parts)}: {_range(parts[0])}"
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return "section"
    bounds = [
        text.format(value)
        for item in metadata
        for key, text in _BOUNDS.items()
        if (value := getattr(item, key, None)) is not None
    ]
    return " ".join([_KINDS[annotation], *bounds])


def _flat(metadata: Iterable[Any]) -> Iterator[Any]:
    for item in metadata:
        yield from item.metadata if isinstance(item, FieldInfo) else [item]


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "has to be given"
    if field.default is None:
        return "none"
    return "" if isinstance(field.default, Settings) else f"`{json.dumps(field.default)}`"


if __name__ == "__main__":
    main()
