"""Writing a model folder, whole or not at all.

The files are written into a subfolder. Renaming that to `.complete` makes the new model valid in one step: from then on
its files count, and are moved into place. A crash at any moment leaves the old model or the new.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from asr.audio import SAMPLE_RATE
from asr.engine import WEIGHTS
from asr.errors import OutputError, system_reason
from asr.int8_weights import with_int8
from asr.model_folder import (
    CARD,
    COMPLETE,
    FORMAT_VERSION,
    LANGUAGE_MODEL,
    LEXICON,
    NEURAL_LM,
    TAGGER,
    ModelParts,
    read_network,
)
from asr.onnx.export import RECORD, read_record
from asr.text.tagger_file import tagger_to_bytes

_INCOMPLETE = ".incomplete"  # a subfolder that exists only while a model is written, or if that was interrupted


def export_model_folder(folder: Path, *, int8: bool = True) -> dict[str, bytes]:
    """Write the network of a model folder as ONNX graphs, into the folder; returns the files by name. `int8`: with
    matrices of weights as int8, a quarter of the size.

    Raises:
        ModelError: as `read_model_folder`; or the folder has no weights.
        OutputError: the disk is full or the folder cannot be written.
    """
    files = read_network(folder)[0].export(int8=int8)
    with _written_whole(folder) as incomplete:
        for name, content in files.items():
            _write_through(incomplete / name, content)
    return files


def write_model_folder(folder: Path, parts: ModelParts, *, card: str = "", int8: bool = False) -> None:
    """Write a model folder, whole or not at all; what else is in the folder is left alone. `int8`: with matrices of
    weights as int8, a quarter of the size.

    Raises:
        OutputError: the disk is full or the folder cannot be written; the model that was there is untouched.
    """
    with _written_whole(folder) as incomplete:
        for name, content in _files(parts, card, int8=int8).items():
            _write_through(incomplete / name, content)
        if parts.language_model is not None:
            parts.language_model.save(incomplete / LANGUAGE_MODEL)
        if parts.neural_lm is not None:
            parts.neural_lm.save(incomplete / NEURAL_LM)


@contextlib.contextmanager
def _written_whole(folder: Path) -> Iterator[Path]:
    """A subfolder for new files, all of which are moved into `folder` when the block ends well, and none otherwise."""
    incomplete, was_there = folder / _INCOMPLETE, folder.exists()
    try:
        _move_into_place(folder)
        shutil.rmtree(incomplete, ignore_errors=True)
        incomplete.mkdir(parents=True)
        yield incomplete
        incomplete.rename(folder / COMPLETE)
        _move_into_place(folder)
    except OSError as error:
        untouched = (folder / "config.json").is_file() and not (folder / COMPLETE).exists()
        kept = "; the model that was there before is untouched" if untouched else ""
        raise OutputError(f"{folder}: the model could not be written ({system_reason(error)}){kept}") from error
    finally:
        shutil.rmtree(incomplete, ignore_errors=True)
        if not was_there:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only succeeds if the save failed and left it empty


def _files(parts: ModelParts, card: str, *, int8: bool) -> dict[str, bytes]:
    network = parts.engine.files()
    if int8 and WEIGHTS in network:
        network[WEIGHTS] = with_int8(network[WEIGHTS])
    config = {
        "format_version": FORMAT_VERSION,
        "sample_rate": SAMPLE_RATE,
        "tokens_sha256": hashlib.sha256(parts.tokens.model).hexdigest(),
        "weights_sha256": _weights_sha256(network),
        "model": parts.engine.settings.model_dump(mode="json"),
        "search": parts.search.model_dump(mode="json"),
        "calibration": parts.calibration.model_dump(mode="json"),
        "language_model": parts.language_model is not None,
        "lexicon": bool(parts.lexicon),
        "neural_lm": parts.neural_lm is not None,
        "tagger": parts.tagger is not None,
    }
    lexicon = {LEXICON: "".join(f"{word}\n" for word in parts.lexicon).encode()} if parts.lexicon else {}
    tagger = {TAGGER: tagger_to_bytes(parts.tagger)} if parts.tagger is not None else {}
    return {
        **lexicon,
        **tagger,
        **network,
        "config.json": (json.dumps(config, indent=2) + "\n").encode(),
        "tokens.model": parts.tokens.model,
        CARD: (card or "# Speech recognition model\n\nMade with `asr`.\n").encode(),
    }


def _weights_sha256(network: Mapping[str, bytes]) -> str:
    """Of the weights, also where only what was made of them is there."""
    if WEIGHTS in network:
        return hashlib.sha256(network[WEIGHTS]).hexdigest()
    return read_record(network[RECORD]).weights_sha256


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _move_into_place(folder: Path) -> None:
    """Move the files of a complete model from the subfolder to the folder; does nothing where there is none."""
    complete = folder / COMPLETE
    if complete.is_dir():
        for path in list(complete.iterdir()):
            path.replace(folder / path.name)
        complete.rmdir()
