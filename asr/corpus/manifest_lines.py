"""The lines of a manifest one by one: a broken line is reported, and reading goes on with the next."""

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from asr.corpus.manifest import Utterance, parse_utterance
from asr.errors import ManifestError, system_reason
from asr.messages import Progress

_LINES_BETWEEN_REPORTS = 1000


@dataclass(frozen=True, slots=True)
class ManifestLine:
    """A line that is not blank, without its end. `content` is empty if it is not UTF-8."""

    path: Path
    number: int
    content: str
    has_crlf: bool

    def utterance(self) -> Utterance:
        """The utterance of this line.

        Raises:
            ManifestError: the line is broken; the message does not name it.
        """
        if not self.content:
            raise ManifestError("not UTF-8 text; convert the file to UTF-8")
        return parse_utterance(self.content, self.path.parent, self.number)


def manifest_lines(path: Path, progress: Progress | None = None, doing: str = "") -> Iterator[ManifestLine]:
    """The lines of a manifest, one in memory at a time; `progress` is called with `doing` and how far it is.

    Raises:
        ManifestError: the file is missing or cannot be read.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise ManifestError(f"{path}: is a pipe or a device, but it has to be read twice; save it to a file first")
    try:
        with path.open("rb") as file:
            done, size = 0, path.stat().st_size
            for number, raw in enumerate(file, start=1):
                done += len(raw)
                if progress is not None and number % _LINES_BETWEEN_REPORTS == 0:
                    progress(f"{doing} {path.name}", done, size)
                content = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
                if content := content.strip():
                    yield ManifestLine(path, number, _decoded(content), raw.endswith(b"\r\n"))
    except FileNotFoundError:
        raise ManifestError(f"{path}: no such file") from None
    except OSError as reason:
        raise ManifestError(f"{path}: cannot be read ({system_reason(reason)})") from None


def utterances_of(path: Path) -> Iterator[Utterance]:
    """The utterances of the lines that are not broken."""
    for line in manifest_lines(path):
        try:
            yield line.utterance()
        except ManifestError:
            continue


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return ""
