"""A cleaned copy of a manifest: unusable lines are dropped, and what can be corrected is."""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from asr.corpus.doctor.check_text import cleaned
from asr.corpus.doctor.findings import REMEDIES, Finding, Kind, Repair
from asr.corpus.doctor.index import Keys, key
from asr.corpus.manifest_lines import ManifestLine
from asr.errors import ManifestError, OutputError
from asr.files import atomic_path


@dataclass(slots=True)
class Repairs:
    """Counts of lines kept, dropped (by their first reason) and changed (by each reason)."""

    kept: int = 0
    dropped: Counter[Kind] = field(default_factory=Counter)
    changed: Counter[Kind] = field(default_factory=Counter)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {"kept": self.kept, "dropped": dict(self.dropped), "changed": dict(self.changed)}


class CleanManifest:
    """The copy while it is written. Unknown keys are kept; lines that are fine are copied unchanged."""

    def __init__(self, file: BinaryIO, ids: Keys, folder: str) -> None:
        self.repairs = Repairs()
        self._file = file
        self._ids = ids
        self._folder = folder

    def add(self, line: ManifestLine, findings: Sequence[Finding], duration: float) -> None:
        """Write a line, unless it cannot be used. `duration` is measured, in seconds."""
        kinds = [finding.kind for finding in findings]
        dropped = next((kind for kind in kinds if REMEDIES[kind].repair is Repair.DROP), None)
        if dropped is not None:
            self.repairs.dropped[dropped] += 1
            return
        changed = [kind for kind in kinds if REMEDIES[kind].repair is Repair.CHANGE]
        self.repairs.changed.update(changed)
        self.repairs.kept += 1
        content = line.content
        if changed or self._folder:
            content = self._rewritten(content, line, changed, duration)
        self._file.write(content.encode() + b"\n")

    def _rewritten(self, content: str, line: ManifestLine, changed: Sequence[Kind], duration: float) -> str:
        record = json.loads(content)
        if not os.path.isabs(record["audio_filepath"]):  # noqa: PTH117 (a path in a file, not one of ours)
            record["audio_filepath"] = os.path.join(self._folder, record["audio_filepath"])  # noqa: PTH118
        if Kind.UNICODE_FORM in changed or Kind.WHITE_SPACE in changed:
            record["text"] = cleaned(record["text"])
        if Kind.WRONG_DURATION in changed:
            record["duration"] = round(duration, 4)
        if Kind.DOUBLED_ID in changed:
            record["id"] = self._new_id(line.utterance().id, line.number)
        rewritten = json.dumps(record, ensure_ascii=False)
        # A file name that is not UTF-8 has to be escaped.
        return rewritten if rewritten.isascii() or _is_whole(rewritten) else json.dumps(record)

    def _new_id(self, id: str, number: int) -> str:
        new = f"{id}-{number}"
        while np.uint64(key(new)) in self._ids:
            new += "-"
        return new


@contextmanager
def clean_manifest(path: Path, *, source: Path, ids: Keys) -> Iterator[CleanManifest]:
    """A copy of the manifest `source`, written to `path` whole or not at all. `ids` are all those in use.

    Raises:
        ManifestError: no line is left.
        OutputError: the file cannot be written.
    """
    folder = os.path.relpath(source.resolve().parent, path.resolve().parent)
    with atomic_path(path) as temporary:
        with temporary.open("wb") as file:
            copy = CleanManifest(file, ids, "" if folder == "." else folder)
            yield copy
        if not copy.repairs.kept:
            raise ManifestError(f"{source}: no utterance can be used, so none is left for {path}; see what is wrong")


def refuse_to_overwrite(path: Path, manifests: Sequence[Path]) -> None:
    """Raises OutputError if `path` is one of the manifests that are read, by whatever name."""
    for manifest in manifests:
        if path.resolve() == manifest.resolve() or (path.exists() and manifest.exists() and path.samefile(manifest)):
            raise OutputError(f"{path}: is the manifest {manifest} itself, which is never changed; give another name")


def _is_whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
