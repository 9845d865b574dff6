"""Settings: YAML files read into frozen models that refuse unknown keys.

Each component has its own settings class beside its code; this module has what they share.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from asr.errors import SettingsError, system_reason

AnySettings = TypeVar("AnySettings", bound="Settings")
_MAX_SHOWN = 80  # characters of a wrong value that a message shows
_MAX_NEAREST = 3  # known keys that a message names for an unknown one
_MAX_BYTES = 2**20  # of a settings file
_MAX_VALUES = 10_000  # in it, counting those behind a reference (*name) each time


class Settings(BaseModel):
    """Base of all settings: frozen, unknown keys refused, no silent change of type ("3" is not 3), finite numbers.

    The docstring below each field is its description in `docs/settings.md`. pydantic does not read it: it would parse
    the source of each class whenever a program starts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def parse(cls: type[AnySettings], values: Any, *, source: str) -> AnySettings:
        """Check `values` against this class.

        Raises:
            SettingsError: names `source`, the path of each wrong key, what was found and what was expected; for an
                unknown key, the most similar known ones, also in other sections.
        """
        try:
            # Through JSON's rules: a list is fine where a tuple is declared, 1 is fine for 1.0.
            return cls.model_validate_json(json.dumps(values))
        except ValidationError as error:
            raise SettingsError(f"{source}: " + "; ".join(_explain(item, cls) for item in error.errors())) from None
        except (TypeError, ValueError, RecursionError) as error:
            raise SettingsError(f"{source}: {error}; use plain numbers, words, lists and mappings") from None


class _Bounded:
    """A part of a YAML loader: refuses references (*name) that stand for more values than anyone writes by hand. A few
    lines could expand to billions, since references may be nested (the "billion laughs").
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        is_reference = self.check_event(yaml.AliasEvent)  # type: ignore[attr-defined]
        node = super().compose_node(parent, index)  # type: ignore[misc]
        if is_reference:
            return node
        sizes: dict[int, float] = self.__dict__.setdefault("_sizes", {})
        children = node.value if isinstance(node, yaml.CollectionNode) else []
        parts = [part for child in children for part in (child if isinstance(child, tuple) else (child,))]
        # A node that is not composed yet refers to itself, and would be infinite.
        sizes[id(node)] = 1 + sum(sizes.get(id(part), math.inf) for part in parts)
        if sizes[id(node)] > _MAX_VALUES:
            problem = f"with its references (*name) expanded it has more than {_MAX_VALUES:,} values"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return node


class _Loader(_Bounded, yaml.SafeLoader):
    """Reads words and numbers by YAML 1.2, as people mean them, and refuses repeated keys.

    By YAML 1.1, PyYAML's rules, 2e-3 is a word, and yes, 1:30, 010 and 2026-01-31 are true, 90, 8 and a date.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (so it is named and typed in PyYAML)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        names: set[str] = set()
        for key in (key for key, _ in pairs if isinstance(key, yaml.ScalarNode)):
            if key.value in names:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} stands twice", problem_mark=key.start_mark)
            names.add(key.value)
        return super().construct_mapping(node, deep=deep)


class WordLoader(_Bounded, yaml.BaseLoader):
    """Reads lists and mappings with all values as words, for settings of any version."""


class _Dumper(yaml.SafeDumper):
    """Also quotes the words that `_Loader`, unlike PyYAML, would take for numbers."""


_WORDS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    "float": (r"[-+]?((\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)", list("-+.0123456789")),
}
for _kind, (_pattern, _first_characters) in _WORDS.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(f"({_pattern})$"), _first_characters)


def load_settings(cls: type[AnySettings], path: Path, overrides: list[str] | None = None) -> AnySettings:
    """Read a YAML file into `cls`, then apply overrides of the form `section.key=value`.

    Raises:
        SettingsError: if the file is missing, is not YAML, or holds a key or value that `cls` refuses.
    """
    values = read_settings(path)
    apply_overrides(values, overrides or [])
    return cls.parse(values, source=f"{path} with --set {' '.join(overrides)}" if overrides else str(path))


def read_settings(path: Path) -> dict[str, Any]:
    """The contents of a YAML file of settings, unchecked.

    Raises:
        SettingsError: if the file is missing, or is not YAML with a mapping in it.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)  # not all of it: it may be an endless device
        text = content.decode()
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such settings file") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: not UTF-8 text; expected a YAML file") from None
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte in it
        raise SettingsError(f"{path}: cannot be read ({system_reason(error)})") from None
    if len(content) > _MAX_BYTES:
        raise SettingsError(f"{path}: is larger than {_MAX_BYTES // 2**20} MiB; expected a file of settings")
    values = _read_yaml(text, source=str(path))
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: expected a mapping of settings, found {type(values).__name__}")
    return values


def dump_settings(settings: Settings) -> str:
    """The settings as YAML text, in ASCII, that `load_settings` reads back to equal settings."""
    return yaml.dump(settings.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False)


def _read_yaml(text: str, *, source: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(f"{source}, line {line}: not valid YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SettingsError(f"{source}, line {line}: U+{error.character:04X} cannot be in YAML") from None
    except (ValueError, ArithmeticError, RecursionError) as error:  # numbers too long, nesting too deep
        raise SettingsError(f"{source}: not valid YAML: {error}") from None
    except (TypeError, AttributeError, LookupError):
        raise SettingsError(
            f'{source}: not valid YAML: a tag that does not fit what follows it, such as !!float ""; leave tags out'
        ) from None


def apply_overrides(values: dict[str, Any], overrides: Iterable[str]) -> None:
    """Apply overrides of the form `section.key=value`, the value in YAML, to the values of settings.

    Raises:
        SettingsError: one is of another form, or its value is not YAML.
    """
    for override in overrides:
        _apply_override(values, override)


def _apply_override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    *sections, last = key.split(".")
    if not equals or not last or not all(sections):
        raise SettingsError(f"--set {override}: expected section.key=value")
    for section in sections:
        if values.get(section) is None:  # not there, or there without a value
            values[section] = {}
        values = values[section]
        if not isinstance(values, dict):
            raise SettingsError(f"--set {override}: {section} is a value, not a section")
    values[last] = _read_yaml(text, source=f"--set {override}")


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values by their path: `{"model": {"dropout": 0.1}}` -> `{"model.dropout": 0.1}`."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def settings_fields(cls: type[Settings]) -> Iterator[tuple[str, FieldInfo]]:
    """Each field of a settings class, and of the sections in it, with its path, such as `model.features.num_mels`."""
    for name, field in cls.model_fields.items():
        yield name, field
        sections = _sections(field.annotation)
        if len(sections) > 1:  # a union, distinguished by `kind`
            yield f"{name}.kind", _all_kinds(sections)
        for section in sections:
            inner = ((path, found) for path, found in settings_fields(section) if len(sections) == 1 or path != "kind")
            yield from ((f"{name}.{path}", found) for path, found in inner)


def _all_kinds(sections: list[type[Settings]]) -> FieldInfo:
    """One field for the choice: the default of the first, and for each kind the first line about its section."""
    kinds = {kind: section for section in sections for kind in get_args(section.model_fields["kind"].annotation)}
    together = copy(sections[0].model_fields["kind"])
    together.annotation = Literal[tuple(kinds)]  # type: ignore[assignment]
    together.description = " ".join(f"`{kind}`: {(cls.__doc__ or '').splitlines()[0]}" for kind, cls in kinds.items())
    return together


def _sections(annotation: Any) -> list[type[Settings]]:
    if get_origin(annotation) is None and isinstance(annotation, type):
        return [annotation] if issubclass(annotation, Settings) else []
    return [section for part in get_args(annotation) for section in _sections(part)]


def _explain(error: Any, cls: type[Settings]) -> str:
    where = ".".join(_without_kinds(error["loc"], cls)) or "settings"
    if error["type"] == "extra_forbidden":
        nearest = _nearest(where, error["input"], [path for path, _ in settings_fields(cls)])
        return f"{where}: unknown key" + (f"; did you mean {' or '.join(nearest)}?" if nearest else "")
    if error["type"] == "missing":
        return f"{where}: missing"
    if error["type"] == "union_tag_not_found":
        return f"{where}.kind: missing"
    if error["type"] == "union_tag_invalid":
        expected, found = error["ctx"]["expected_tags"], repr(error["ctx"]["tag"])
        return f"{where}.kind: expected one of {expected}, found {found:.{_MAX_SHOWN}}"
    found = repr(error["input"])
    found = found if len(found) <= _MAX_SHOWN else found[:_MAX_SHOWN] + "..."
    return f"{where}: {error['msg'][0].lower()}{error['msg'][1:]}, found {found}"


def _without_kinds(parts: Sequence[str | int], cls: type[Settings]) -> Iterator[str]:
    """The path of an error as in a settings file: pydantic adds the chosen kind to it."""
    chosen: list[type[Settings]] = [cls]
    for part in parts:
        if len(chosen) > 1:
            chosen = [one for one in chosen if part in get_args(one.model_fields["kind"].annotation)]
            continue
        field = chosen[0].model_fields.get(str(part)) if chosen else None
        chosen = _sections(field.annotation) if field else []
        yield str(part)


def _nearest(unknown: str, value: Any, paths: list[str]) -> list[str]:
    """The paths that may have been meant by an unknown one: the same name in another section, else a similar name in
    this section, else anywhere, else, if its value is a section, the place of the names in that.
    """
    section, _, name = unknown.rpartition(".")
    places: dict[str, list[str]] = {}
    for path in paths:
        places.setdefault(path.rpartition(".")[2], []).append(path)
    if name in places:
        return places[name][:_MAX_NEAREST]
    here = [last for last, found in places.items() for path in found if path.rpartition(".")[0] == section]
    if alike := get_close_matches(name, here, n=1):
        return [f"{section}.{alike[0]}" if section else alike[0]]
    if alike := get_close_matches(name, places, n=1, cutoff=0.75):
        return places[alike[0]][:_MAX_NEAREST]
    inside = value if isinstance(value, dict) else {}
    return [path for key in inside for path in places.get(key, [])][:_MAX_NEAREST]
