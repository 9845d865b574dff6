"""The recordings in a folder and all folders below it."""

import mimetypes
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from asr.containers.kinds import identify
from asr.corpus.importers.folder import SOUNDS
from asr.errors import AudioError, system_reason
from asr.model_folder import holds_model

# Taken for a recording by their names, so that a broken one is not passed over without a word.
_MORE = ".aac .ac3 .aifc .amr .ape .mka .mp2 .snd .w64 .wma .wv .3gp .avi .flv .m4b .m4v .mkv .mov .mp4 .mpg .webm .wmv"
_SUFFIXES = SOUNDS | frozenset(_MORE.split())
_TYPES = mimetypes.MimeTypes()  # without those of the machine, which differ


class Walk:
    """A walk through a folder, by name. What is no recording is counted in `passed_over`, by kind or ending; folders
    that cannot be read go into `problems`.

    Passed over are also hidden files, among them the companions of macOS (._name), model folders, and links to what is
    inside of the folder anyway; links to other folders are followed, each folder once.
    """

    def __init__(self, root: Path, passed_over: Counter[str], problems: list[str]) -> None:
        self._root, self._passed_over, self._problems = root, passed_over, problems
        self._real_root = Path(os.path.realpath(root))
        self._seen = {self._real_root}

    def recordings(self) -> Iterator[Path]:
        """Their paths, which begin with that of the root."""
        yield from self._below(self._root)

    def _below(self, folder: Path) -> Iterator[Path]:
        try:
            with os.scandir(folder) as entries:
                ordered = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self._problems.append(f"{folder}: the folder cannot be read ({system_reason(error)})")
            return
        for entry in ordered:
            path = folder / entry.name
            if entry.name.startswith("."):
                self._passed_over["hidden"] += 1
            elif entry.is_symlink() and not self._leads_elsewhere(path):
                self._passed_over["links"] += 1
            elif entry.is_dir() and holds_model(path):
                self._passed_over["model folders"] += 1
            elif entry.is_dir():
                yield from self._below(path)
            elif entry.is_file() and is_recording(path):
                yield path
            else:
                self._passed_over[path.suffix.lower() or path.name] += 1

    def _leads_elsewhere(self, link: Path) -> bool:
        """Whether a link leads out of the root, to a place where no other link led before."""
        target = Path(os.path.realpath(link))
        if target.is_relative_to(self._real_root) or target in self._seen:
            return False
        self._seen.add(target)
        return not self._real_root.is_relative_to(target)


def is_recording(path: Path) -> bool:
    """Whether a file is a sound or a video, by its ending or else by its first bytes."""
    suffix = path.suffix.lower()
    if suffix in _SUFFIXES:
        return True
    kind, _ = _TYPES.guess_type(path.name)
    if kind is not None and not kind.startswith(("audio/", "video/")):
        return False
    try:
        with path.open("rb", buffering=0) as file:
            identify(file, path)
    except (AudioError, OSError):
        return False
    return True
