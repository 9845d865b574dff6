"""Settings: YAML files read into frozen models that refuse what they do not know.

Each component keeps its own settings class beside its code; this module holds what they share.
"""

import json
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from asr.errors import SettingsError


class Settings(BaseModel):
    """Base of all settings: frozen, unknown keys refused, no silent change of type ("3" is not 3)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, ser_json_inf_nan="constants")

    @classmethod
    def parse(cls, values: Any, *, source: str) -> Self:
        """Check `values` against this class.

        Raises:
            SettingsError: names `source`, the path of each wrong key, what was found and what was expected.
        """
        try:
            # Through JSON's rules: a list is fine where a tuple is declared, 1 is fine for 1.0.
            return cls.model_validate_json(json.dumps(values))
        except ValidationError as error:
            raise SettingsError(f"{source}: " + "; ".join(_explain(item) for item in error.errors())) from None
        except TypeError as error:
            raise SettingsError(f"{source}: {error}; use plain numbers, words, lists and mappings") from None


AnySettings = TypeVar("AnySettings", bound=Settings)


def load_settings(cls: type[AnySettings], path: Path, overrides: list[str] | None = None) -> AnySettings:
    """Read a YAML file into `cls`, then apply overrides of the form `section.key=value`.

    Raises:
        SettingsError: if the file is missing, is not YAML, or holds a key or value that `cls` refuses.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such settings file") from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: not readable as YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise SettingsError(f"{path}: expected a mapping of settings, found {type(values).__name__}")
    for override in overrides or []:
        _apply_override(values, override)
    return cls.parse(values, source=str(path))


def dump_settings(settings: Settings) -> str:
    """The settings as YAML text that `load_settings` reads back to equal settings."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _apply_override(values: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise SettingsError(f"--set {override}: expected section.key=value")
    *sections, last = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise SettingsError(f"--set {override}: {section} is a value, not a section")
    try:
        values[last] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise SettingsError(f"--set {override}: the value is not valid YAML") from None


def _explain(error: Any) -> str:
    where = ".".join(str(part) for part in error["loc"]) or "settings"
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key"
    if error["type"] == "missing":
        return f"{where}: missing"
    return f"{where}: {error['msg'][0].lower()}{error['msg'][1:]}, found {error['input']!r}"
