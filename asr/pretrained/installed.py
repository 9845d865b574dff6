"""The models that are there without a path: those that come with the package, and those that were fetched."""

import os
from dataclasses import dataclass
from pathlib import Path

from asr.errors import ModelError
from asr.model_folder import CARD, holds_model

DEFAULT = "english"
_PACKAGE = Path(__file__).parent  # a folder in it for each model that comes with the package
RECORDING = _PACKAGE / "recordings" / "dog.opus"
"""Four seconds of real speech, and in a .txt beside what is said."""
_HOME = "ASR_MODELS"


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """A model that has a name. `is_packaged`: it comes with the package."""

    name: str
    folder: Path
    is_packaged: bool

    @property
    def card(self) -> str:
        """What is said about it, as Markdown."""
        try:
            return (self.folder / CARD).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""

    @property
    def title(self) -> str:
        """The first heading of its card."""
        headings = (line.lstrip("# ") for line in self.card.splitlines() if line.startswith("#"))
        return next(headings, "")

    @property
    def num_bytes(self) -> int:
        """Of all its files."""
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())


def models_home() -> Path:
    """Where fetched models lie: the folder in ASR_MODELS, or one for this user's data.

    Raises:
        ModelError: this user has no home, and ASR_MODELS is not set.
    """
    if chosen := os.environ.get(_HOME):
        return Path(chosen)
    try:
        data = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_DATA_HOME")
        return (Path(data) if data else Path.home() / ".local" / "share") / "asr" / "models"
    except RuntimeError:
        raise ModelError(f"there is no home folder to keep models in; set {_HOME} to a folder") from None


def installed_models() -> dict[str, InstalledModel]:
    """All of them by name, those of the package first."""
    try:
        homes = [(_PACKAGE, True), (models_home(), False)]
    except ModelError:
        homes = [(_PACKAGE, True)]
    found: dict[str, InstalledModel] = {}
    for home, is_packaged in homes:
        for folder in sorted(home.iterdir()) if home.is_dir() else []:
            if holds_model(folder):
                found.setdefault(folder.name, InstalledModel(folder.name, folder, is_packaged))
    return found


def find_model(wanted: str | os.PathLike[str]) -> Path:
    """The folder of that path, or of the installed model of that name.

    Raises:
        ModelError: there is neither.
    """
    folder, installed = Path(wanted), installed_models()
    if folder.exists():
        return folder
    if os.fspath(wanted) in installed:
        return installed[os.fspath(wanted)].folder
    raise ModelError(f"{folder}: no such model folder, and no installed model of that name{_named(installed)}")


def default_model() -> Path:
    """The folder of the model that is used where none is given: "english", or the only one.

    Raises:
        ModelError: no model is installed, or several, none of them "english".
    """
    installed = installed_models()
    if DEFAULT in installed:
        return installed[DEFAULT].folder
    if len(installed) == 1:
        return next(iter(installed.values())).folder
    raise ModelError(f"no model is given, and there is none to take unasked{_named(installed)}; give a model folder")


def _named(installed: dict[str, InstalledModel]) -> str:
    return f" (installed: {', '.join(installed)})" if installed else " (none is installed: `asr models --fetch`)"
