"""The index of all utterances, which the check of each one needs: 58 bytes an utterance."""

import hashlib
import os
from array import array
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from asr.corpus.doctor.characters import group
from asr.corpus.doctor.check_text import case_of, cleaned, looks_fine
from asr.corpus.doctor.requirements import Requirements
from asr.corpus.manifest import Utterance
from asr.corpus.manifest_lines import manifest_lines
from asr.errors import ManifestError
from asr.messages import Progress

# Columns of numbers, with the types that they have in the module `array` while they grow.
Keys: TypeAlias = Annotated[npt.NDArray[np.uint64], "Q"]
Int64s: TypeAlias = Annotated[npt.NDArray[np.int64], "q"]
Int32s: TypeAlias = Annotated[npt.NDArray[np.int32], "i"]
Int8s: TypeAlias = Annotated[npt.NDArray[np.int8], "b"]
Float64s: TypeAlias = Annotated[npt.NDArray[np.float64], "d"]


class Columns:
    """The columns of a record while they grow, row by row, stored compactly."""

    def __init__(self, record: type) -> None:
        hints = get_type_hints(record, include_extras=True).items()
        self._columns = {name: array(hint.__metadata__[0]) for name, hint in hints if get_origin(hint) is Annotated}

    def append(self, **row: float | int) -> None:
        """One value for each column."""
        for name, values in self._columns.items():
            values.append(row[name])

    def arrays(self) -> dict[str, Any]:
        """The columns by name."""
        return {name: np.asarray(values) for name, values in self._columns.items()}


@dataclass(frozen=True, slots=True, eq=False)
class ManifestIndex:
    """One row an utterance, in the order of the manifest.

    Ids, texts, speakers and places of sound are 64-bit hashes, 0 for none: among a million utterances, the probability
    that any two different ones collide is 3e-8. `durations` in seconds; `lengths` of texts in characters; `needed` are
    frames; `flawed` is 1 where the text by itself has a fault; `cases` are those of its letters. `characters`, and
    `groups` of them, count the texts that have them; broken lines have no row.
    """

    path: Path
    lines: Int64s
    ids: Keys
    texts: Keys
    speakers: Keys
    sounds: Keys
    durations: Float64s
    lengths: Int32s
    needed: Int32s
    flawed: Int8s
    cases: Int8s
    characters: Counter[str]
    groups: Counter[str]
    num_broken: int

    def __len__(self) -> int:
        return len(self.lines)


def index_manifest(path: Path, expected: Requirements, progress: Progress) -> ManifestIndex:
    """Read a manifest once. Texts are compared as `cleaned`, so that an extra space does not make a different text.

    Raises:
        ManifestError: the file is missing or cannot be read.
    """
    columns = Columns(ManifestIndex)
    characters: Counter[str] = Counter()
    groups_of: Counter[frozenset[str]] = Counter()
    num_broken = 0
    for line in manifest_lines(path, progress, "reading"):
        try:
            utterance = line.utterance()
        except ManifestError:
            num_broken += 1
            continue
        text = cleaned(utterance.text)
        present = set(text)
        characters.update(present)
        groups = frozenset(map(group, present))
        groups_of[groups] += 1
        columns.append(
            lines=line.number,
            ids=key(utterance.id),
            texts=key(text) if text else 0,
            speakers=key(utterance.speaker) if utterance.speaker is not None else 0,
            sounds=key(_place(utterance)),
            durations=utterance.duration,
            lengths=len(text),
            needed=expected.frames_needed(text),
            flawed=text != utterance.text
            or not text
            or not expected.can_write(text)
            or not looks_fine(text, groups, utterance.id),
            cases=case_of(text),
        )
    groups_in = Counter[str]()
    for groups, count in groups_of.items():
        groups_in.update(dict.fromkeys(groups, count))
    return ManifestIndex(path=path, characters=characters, groups=groups_in, num_broken=num_broken, **columns.arrays())


def key(text: str) -> int:
    """A 64-bit hash of a text, never 0."""
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def first_lines(keys: Keys, lines: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each key the line on which it occurred first; 0 where this is the first, or the key is empty."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    is_new = np.append(True, ordered[1:] != ordered[:-1])[: len(keys)]
    firsts = order[np.maximum.accumulate(np.where(is_new, np.arange(len(keys)), 0))]
    result = np.zeros(len(keys), dtype=np.int64)
    result[order] = np.where(is_new | (ordered == 0), 0, lines[firsts])
    return result


def _place(utterance: Utterance) -> str:
    path = os.path.abspath(utterance.audio_filepath)  # noqa: PTH100 (links are not followed)
    return f"{path}\0{utterance.offset}\0{utterance.channel_selector}"
