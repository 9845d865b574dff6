"""Getting a model from an address, and taking it away again."""

import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from asr.errors import CorpusError, ModelError, OutputError, system_reason
from asr.fetch.archive import unpack
from asr.fetch.download import download
from asr.model_folder import holds_model, read_network_and_tokens
from asr.pretrained.installed import InstalledModel, installed_models, models_home

_DOWNLOADS = ".downloads"
_ENDINGS = (".tar.gz", ".tgz", ".tar")
_NAME = re.compile(r"\w[\w.-]{0,99}")
_SHA256 = re.compile("[0-9a-fA-F]{64}")


def fetch_model(url: str, *, sha256: str, name: str | None = None) -> InstalledModel:
    """Fetch a model folder packed as .tar or .tar.gz; it is installed whole or not at all.

    `sha256`: of the archive, in hex, as the page says that names the address. `name`: that of the archive if not given.

    Raises:
        ModelError: it cannot be fetched, the checksum is another, what comes is no model, or the name is taken.
        OutputError: it cannot be written.
    """
    name = _archive_name(url) if name is None else name
    if not _NAME.fullmatch(name):
        raise ModelError(f"{name!r}: cannot be the name of a model; use letters, digits, . - _, and no space")
    if not _SHA256.fullmatch(sha256):
        raise ModelError(f"--sha256 {sha256}: expected 64 hexadecimal digits, the checksum of the archive")
    if (known := installed_models().get(name)) is not None:
        remedy = "another NAME" if known.is_packaged else f"another NAME, or first `asr models {name} --remove`"
        raise ModelError(f"{name}: there is a model of that name, in {known.folder}; give {remedy}")
    home = models_home()
    try:
        archive = download(
            [url], home / _DOWNLOADS / f"{name}.tar", sha256=sha256.lower(), remedy="or give another address"
        )
        try:
            unpack(archive, home / name, check=_as_model_folder)
        finally:
            archive.unlink(missing_ok=True)
    except CorpusError as error:
        raise ModelError(str(error)) from None
    return InstalledModel(name, home / name, is_packaged=False)


def remove_model(name: str) -> None:
    """Delete a model that was fetched.

    Raises:
        ModelError: there is no such model, or it comes with the package.
        OutputError: it cannot be deleted.
    """
    model = installed_models().get(name)
    if model is None:
        raise ModelError(f"{name}: no model of that name is installed")
    if model.is_packaged:
        raise ModelError(f"{name}: comes with the package and goes with it")
    try:
        shutil.rmtree(model.folder)
    except OSError as error:
        raise OutputError(f"{model.folder}: could not be deleted ({system_reason(error)})") from None


def _archive_name(url: str) -> str:
    file = unquote(urlsplit(url).path).rpartition("/")[2]
    return next((file.removesuffix(ending) for ending in _ENDINGS if file.endswith(ending)), file)


def _as_model_folder(unpacked: Path) -> None:
    """Archives often have one folder with all in it: its files are moved up. Refuse what is no model."""
    inner = list(unpacked.iterdir())
    if len(inner) == 1 and holds_model(inner[0]):
        for path in list(inner[0].iterdir()):
            path.replace(unpacked / path.name)
        inner[0].rmdir()
    if not holds_model(unpacked):
        raise ModelError("the archive holds no model folder (config.json, tokens.model and weights)")
    read_network_and_tokens(unpacked)
