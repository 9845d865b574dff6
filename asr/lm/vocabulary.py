"""The words of a language model: word <-> id, without a Python object for each word."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from asr.compiled import kernel, part
from asr.errors import LanguageModelError

UNKNOWN, START, END = "<unk>", "<s>", "</s>"
UNKNOWN_ID, START_ID, END_ID = 0, 1, 2
SPECIAL_WORDS = (UNKNOWN, START, END)
WHITE_SPACE = b"\0\t\n\v\f\r "  # what separates words in an ARPA file


class WordTable(NamedTuple):
    """The arrays that kernels read: the words and their hash table."""

    text: np.ndarray  # uint8: the words in UTF-8, a line feed after each
    starts: np.ndarray  # int64 [num_words + 1]: where in `text` each word begins
    slots: np.ndarray  # int32 [a power of two]: word ids, each at or after the slot of its hash; -1 where there is none


class Vocabulary:
    """Words 0, 1 and 2 are the unknown word, the start and the end of a sentence."""

    def __init__(self, text: np.ndarray) -> None:
        """`text` is as in `WordTable`.

        Raises:
            LanguageModelError: it is not UTF-8, a word is empty, repeated or has white space, or the first three are
                wrong.
        """
        starts = _word_starts(text)
        _check_words(text, starts)
        slots = np.full(1 << (2 * len(starts)).bit_length(), -1, dtype=np.int32)  # at most half full
        self.table = WordTable(text, starts, slots)
        if tuple(self[i] for i in range(min(3, len(self)))) != SPECIAL_WORDS:
            raise LanguageModelError(f"the vocabulary does not begin with the words {' '.join(SPECIAL_WORDS)}")
        repeated = _fill_slots(self.table)
        if repeated >= 0:
            raise LanguageModelError(f"the word {self[repeated]!r} stands twice in the vocabulary")

    @classmethod
    def from_words(cls, words: Sequence[str]) -> "Vocabulary":
        """The vocabulary whose word i is `words[i]`. Raises LanguageModelError as `Vocabulary` does."""
        vocabulary = cls(_lines(words))
        if len(vocabulary) != len(words):
            raise LanguageModelError("a word of the vocabulary has a line feed")
        return vocabulary

    def __len__(self) -> int:
        return len(self.table.starts) - 1

    def __getitem__(self, word_id: int) -> str:
        begin, end = self.table.starts[word_id], self.table.starts[word_id + 1] - 1
        return self.table.text[begin:end].tobytes().decode()

    def words(self) -> list[str]:
        """All words, in the order of their ids."""
        return self.table.text[:-1].tobytes().decode().split("\n")

    def ids(self, words: Iterable[str]) -> np.ndarray:
        """The ids of words, int32; those that are not in the vocabulary get the unknown word's."""
        text = _lines("" if "\n" in word else word for word in words)
        ids = np.zeros(int(np.count_nonzero(text == _LINE_FEED)), dtype=np.int32)
        _find_words(self.table, text, ids)
        return ids


_LINE_FEED = 10


def _lines(words: Iterable[str]) -> np.ndarray:
    # Half of a surrogate pair is in no vocabulary: encoded like this, it is simply not found.
    text = "".join(f"{word}\n" for word in words).encode("utf-8", "surrogatepass")
    return np.frombuffer(bytearray(text), dtype=np.uint8)  # not bytes: numba would compile again for read-only arrays


def _word_starts(text: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.flatnonzero(text == _LINE_FEED) + 1])


def _check_words(text: np.ndarray, starts: np.ndarray) -> None:
    if starts[-1] != len(text) or not len(text):
        raise LanguageModelError("the vocabulary is empty or ends within a word")
    data = text.tobytes()
    try:
        data.decode()
    except UnicodeDecodeError as error:
        number = int(np.searchsorted(starts, error.start, side="right")) - 1
        word = data[starts[number] : starts[number + 1] - 1]
        raise LanguageModelError(f"word {number} of the vocabulary, {word!r}, is not UTF-8 text") from None
    separators = np.isin(text, np.frombuffer(WHITE_SPACE, dtype=np.uint8))
    if np.count_nonzero(separators) != len(starts) - 1 or (np.diff(starts) == 1).any():
        raise LanguageModelError("a word of the vocabulary is empty or has white space or a zero byte")


@kernel
def _fill_slots(table: WordTable) -> int:
    """Enter all words into the hash table; returns the first repeated word, at which it stops, else -1."""
    for word in range(len(table.starts) - 1):
        slot = find_slot(table, table.text, table.starts[word], table.starts[word + 1] - 1)
        if table.slots[slot] >= 0:
            return word
        table.slots[slot] = word
    return -1


@kernel
def _find_words(table: WordTable, text: np.ndarray, ids: np.ndarray) -> None:
    """The ids of the words of `text`, one a line."""
    begin = 0
    for word in range(len(ids)):
        end = begin
        while text[end] != _LINE_FEED:
            end += 1
        ids[word] = max(0, table.slots[find_slot(table, text, begin, end)])
        begin = end + 1


@part
def find_slot(table: WordTable, text: np.ndarray, begin: int, end: int) -> int:
    """The slot of the word `text[begin:end]`, or the empty slot (-1) that it would get."""
    hashed = 0
    for position in range(begin, end):
        hashed = (hashed ^ text[position]) * 1099511628211  # FNV-1
    slot = (hashed ^ (hashed >> 32)) & (len(table.slots) - 1)
    while table.slots[slot] >= 0:
        word = table.slots[slot]
        if table.starts[word + 1] - 1 - table.starts[word] == end - begin:
            same = True
            for offset in range(end - begin):
                if table.text[table.starts[word] + offset] != text[begin + offset]:
                    same = False
                    break
            if same:
                return slot
        slot = (slot + 1) & (len(table.slots) - 1)
    return slot
