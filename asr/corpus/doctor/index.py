"""What has to be known of all utterances before one of them can be judged: in 58 bytes an utterance."""

import hashlib
import os
from array import array
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asr.corpus.doctor.characters import group
from asr.corpus.doctor.check_text import case_of, cleaned, looks_fine
from asr.corpus.doctor.requirements import Expectations
from asr.corpus.manifest import Utterance
from asr.corpus.manifest_lines import manifest_lines
from asr.errors import ManifestError
from asr.messages import Progress

# Name and type of each column, 8 bytes, 4 or 1.
_COLUMNS = {
    "lines": "q",
    "ids": "Q",
    "texts": "Q",
    "speakers": "Q",
    "sounds": "Q",
    "durations": "d",
    "lengths": "i",
    "needed": "i",
    "flawed": "b",
    "cases": "b",
}
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """One row an utterance, in the order of the manifest.

    Ids, texts, speakers and places of sound are 64-bit hashes, 0 for nothing: among a million utterances, two that
    differ have equal ones with a probability of 3e-8. `durations` in seconds; `lengths` of texts in characters;
    `needed` are frames; `flawed` is 1 where the text by itself has a fault; `cases` are those of its letters.
    `characters`, and `groups` of them, count the texts in which they stand; broken lines have no row.
    """

    path: Path
    lines: npt.NDArray[np.int64]
    ids: Keys
    texts: Keys
    speakers: Keys
    sounds: Keys
    durations: npt.NDArray[np.float64]
    lengths: npt.NDArray[np.int32]
    needed: npt.NDArray[np.int32]
    flawed: npt.NDArray[np.int8]
    cases: npt.NDArray[np.int8]
    characters: Counter[str]
    groups: Counter[str]
    num_broken: int

    def __len__(self) -> int:
        return len(self.lines)


def survey(path: Path, expected: Expectations, progress: Progress) -> Survey:
    """Read a manifest once. Texts count as `cleaned`, so that a space more does not make another text.

    Raises:
        ManifestError: the file is missing or can not be read.
    """
    columns: dict[str, array[Any]] = {name: array(code) for name, code in _COLUMNS.items()}
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
        row = (
            line.number,
            key(utterance.id),
            key(text) if text else 0,
            key(utterance.speaker) if utterance.speaker is not None else 0,
            key(_place(utterance)),
            utterance.duration,
            len(text),
            expected.frames_needed(text),
            text != utterance.text
            or not text
            or not expected.can_write(text)
            or not looks_fine(text, groups, utterance.id),
            case_of(text),
        )
        for column, value in zip(columns.values(), row, strict=True):
            column.append(value)
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    groups_in = Counter[str]()
    for groups, count in groups_of.items():
        groups_in.update(dict.fromkeys(groups, count))
    return Survey(path=path, characters=characters, groups=groups_in, num_broken=num_broken, **arrays)


def key(text: str) -> int:
    """64 bits that stand for a text, never 0."""
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1


def first_lines(keys: Keys, lines: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each key the line on which it stood before, for the first time; 0 where it is new, or is nothing."""
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
