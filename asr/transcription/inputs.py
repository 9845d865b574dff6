"""The arguments of `asr transcribe` -> the recordings that they mean, each once.

A name that exists is taken as it stands; else it may be a pattern. Folders: `folders.py`.
"""

import glob
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath

from asr.corpus.manifest import Utterance
from asr.corpus.manifest_lines import manifest_lines
from asr.errors import AudioError, ManifestError
from asr.files import read_bytes
from asr.model_folder import holds_model
from asr.transcription.folders import Walk

STDIN = "-"
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording to transcribe.

    `name` as the user gave it; `id` as formats name it. `place` of its results below the output folder, without ending,
    and `suffix`, the ending of its own that is not in there. `path` of the file, None for standard input; `part` of
    that file, None for all.
    """

    name: str
    id: str
    place: PurePosixPath
    suffix: str
    path: Path | None
    part: Utterance | None = None

    @property
    def key(self) -> str:
        """The same for the same sound, by whatever name: its real path, and the part."""
        if self.path is None:
            return STDIN
        key = os.path.realpath(self.path)
        return (
            key if self.part is None else f"{key}#{self.part.offset},{self.part.duration},{self.part.channel_selector}"
        )


@dataclass(slots=True)
class Found:
    """The recordings in the order given; how many other files were passed over, by kind; and messages on what could
    not be looked at. `is_single`: one file or pipe was named, and nothing that might mean several."""

    recordings: list[Recording] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    is_single: bool = False


def find_recordings(arguments: Sequence[str], list_file: Path | None = None) -> Found:
    """All recordings of the arguments and of a list: a file with a path a line, or with NUL between them as of
    `find -print0`; paths are relative to the current folder.

    Raises:
        AudioError: the list cannot be read.
    """
    found = Found()
    for argument in arguments:
        found.recordings += _of_argument(argument, found)
    if list_file is not None:
        for path in _listed(list_file):
            found.recordings += _of_path(path, _below_root(path), found)
    found.is_single = len(arguments) == 1 and list_file is None and _is_single(Path(arguments[0]))
    once = {recording.key: recording for recording in reversed(found.recordings)}
    found.recordings = [recording for recording in found.recordings if once.get(recording.key) is recording]
    return found


def _is_single(path: Path) -> bool:
    return not path.is_dir() and not _is_manifest(path) and (path.exists() or not glob.has_magic(os.fspath(path)))


def _is_manifest(path: Path) -> bool:
    return path.suffix.lower() == ".jsonl" and path.is_file()


def _of_argument(argument: str, found: Found) -> Iterator[Recording]:
    path = Path(argument)
    if _ADDRESS.match(argument) and not os.path.lexists(path):
        found.problems.append(f"{argument}: is an address, not a file; download it, and give the file")
    elif argument == STDIN:
        yield Recording("stdin", "stdin", PurePosixPath("stdin"), "", None)
    elif os.path.lexists(path) or not glob.has_magic(argument):
        yield from _of_path(path, PurePosixPath(path.name) if not path.is_dir() else PurePosixPath(), found)
    else:
        root, matches = _before_pattern(path), _matches(argument)
        if not matches:
            found.problems.append(f"{argument}: no file has such a name, and none fits the pattern")
        for match in matches:
            yield from _of_path(match, PurePosixPath(match.relative_to(root).as_posix()), found)


def _matches(pattern: str) -> list[Path]:
    """What fits a pattern, each by its shortest name, as ** follows links round and round."""
    matches = glob.glob(pattern, recursive=True)  # noqa: PTH207 (Path.glob knows no pattern above a folder)
    by_place = {os.path.realpath(match): match for match in sorted(matches, key=len, reverse=True)}
    return [Path(match) for match in sorted(by_place.values())]


def _before_pattern(path: Path) -> Path:
    parts = path.parts
    magic = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:magic])


def _of_path(path: Path, place: PurePosixPath, found: Found) -> Iterator[Recording]:
    """`place` is that of the file, or of the folder."""
    if _is_manifest(path):
        yield from _of_manifest(path, found)
    elif path.is_dir():
        yield from _of_folder(path, place, found)
    else:
        yield _recording(path, place)


def _of_folder(folder: Path, place: PurePosixPath, found: Found) -> Iterator[Recording]:
    if holds_model(folder):
        found.problems.append(f"{folder}: is a model folder, in which recordings are not looked for")
        return
    walk = Walk(folder, found.passed_over, found.problems)
    is_empty = True
    for path in walk.recordings():
        is_empty = False
        yield _recording(path, place / path.relative_to(folder).as_posix())
    if is_empty:
        found.problems.append(f"{folder}: there are no recordings in this folder")


def _recording(path: Path, place: PurePosixPath) -> Recording:
    stem = place.with_suffix("") if place.suffix else place
    return Recording(os.fspath(path), stem.as_posix(), stem, place.suffix, path)


def _of_manifest(path: Path, found: Found) -> Iterator[Recording]:
    """Named by the ids of its lines, as several may be parts of one file."""
    for line in manifest_lines(path):
        try:
            utterance = line.utterance()
        except ManifestError as error:
            found.problems.append(f"{path}, line {line.number}: {error}")
            continue
        if "\0" in os.fspath(utterance.audio_filepath):
            found.problems.append(f"{path}, line {line.number}: no file can have such a name")
            continue
        is_part = utterance.offset is not None or utterance.channel_selector is not None
        sound = utterance.audio_filepath
        place = _below_root(PurePath(utterance.id))
        yield Recording(os.fspath(sound), utterance.id, place, "", sound, utterance if is_part else None)


def _below_root(path: PurePath) -> PurePosixPath:
    """A path as it stands, but never above the folder to which it is relative."""
    parts = [part.replace("\0", "_") for part in path.parts if part not in ("..", path.anchor)]
    return PurePosixPath(*parts) if parts else PurePosixPath("recording")


def _listed(list_file: Path) -> list[Path]:
    content = sys.stdin.buffer.read() if list_file == Path(STDIN) else bytes(read_bytes(list_file, AudioError))
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\0" if b"\0" in content else b"\n")
    paths = [Path(os.fsdecode(line.removesuffix(b"\r"))) for line in lines if line.strip()]
    if not paths:
        raise AudioError(f"{list_file}: the list is empty; expected the path of a recording on each line")
    return paths
