"""Passages that a text must not share with an evaluation set, or results would look better than they are."""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from asr.corpus.manifest import read_manifest

PASSAGE_WORDS = 7


class Passages:
    """All sequences of `PASSAGE_WORDS` words in evaluation sets, and each shorter text as a whole."""

    def __init__(self, texts: Iterable[Sequence[str]]) -> None:
        self._passages: set[tuple[str, ...]] = set()
        self._short: set[tuple[str, ...]] = set()
        for words in texts:
            self._passages.update(_passages(words))
            if len(words) < PASSAGE_WORDS:
                self._short.add(tuple(words))

    @classmethod
    def of_manifests(cls, manifests: Iterable[Path]) -> "Passages":
        """Those of manifests whose texts are words in upper case.

        Raises:
            ManifestError: a manifest cannot be used.
        """
        return cls(u.text.split() for path in manifests for u in read_manifest(path, check_files=False))

    def overlap(self, words: Sequence[str]) -> bool:
        """Whether the words share a passage with an evaluation set, or are one of its short texts."""
        return tuple(words) in self._short or any(passage in self._passages for passage in _passages(words))


def _passages(words: Sequence[str]) -> Iterable[tuple[str, ...]]:
    return zip(*(islice(words, start, None) for start in range(PASSAGE_WORDS)), strict=False)
