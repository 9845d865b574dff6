"""Printed English -> the words that a reader says, still with capitals, and with the marks that a tagger puts.

    "Mr. Bell's clock--No. 12--is off!" he said.  ->  Mister Bell's clock, number twelve, is off, he said.

Numbers and abbreviations are spelled out as for language models (`recipes/english_text.py`). Colons, semicolons and
dashes become commas, exclamation marks full stops (within a sentence: commas), as in the published comparisons (Tilk &
Alumäe 2016); quotes and brackets go. Each sentence ends with a full stop or a question mark.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr.errors import CorpusError
from asr.files import read_lines
from asr.lm.text import read_sentences
from asr.text.tags import MARKS
from recipes.english_text import spelled_out

_WORD = re.compile(r"[A-Za-z']*[A-Za-z][A-Za-z']*")
_CAPITALS = re.compile(r"[A-Z']{2,}")
_COMMAS = re.compile(r"[,;:!…]|--|\s-\s|\.\.\.")


@dataclass(frozen=True, slots=True)
class Document:
    """A book or another source in a file of sentences: its first line, from 0, and the number of its lines."""

    name: str
    first: int
    num_lines: int


def read_documents(table: Path) -> list[Document]:
    """The documents of a table: tab-separated, the name first, with columns `first_line` (from 1) and `lines`.

    Raises:
        CorpusError: the table has not these columns, or no number in them.
    """
    head, *rows = [line.split("\t") for line in read_lines(table, CorpusError)]
    try:
        first, lines = head.index("first_line"), head.index("lines")
        return [Document(row[0], int(row[first]) - 1, int(row[lines])) for row in rows]
    except (ValueError, IndexError) as error:
        raise CorpusError(f"{table}: expected columns first_line and lines, and numbers in them ({error})") from None


def read_tagged(path: Path, counts: Counter[str]) -> list[list[str]]:
    """Each line of a file of printed sentences as tagged words; none where it is unclear.

    Raises:
        LanguageModelError: the file cannot be read.
    """
    return [list(words) for words in read_sentences([path], lambda line, where: tagged(line, counts))]


def tagged(sentence: str, counts: Counter[str]) -> list[str]:
    """The words of a printed sentence, each with its mark; none if it is unclear, or mostly in capitals."""
    text = spelled_out(sentence, counts)
    if text is None or len(_CAPITALS.findall(sentence)) > max(2, len(sentence.split()) // 3):
        return []
    printed_in_capitals = {word.strip("'") for word in _CAPITALS.findall(sentence)}
    found = [match for match in _WORD.finditer(text) if match[0].strip("'")]
    words = [_plain_number(match[0].strip("'"), printed_in_capitals) for match in found]
    if not found:
        return []
    edges = [*(match.start() for match in found), len(text)][1:]
    gaps = [text[match.end() : edge] for match, edge in zip(found, edges, strict=True)]
    following = [*words[1:], ""]
    return [word + _mark(word, gap, after) for word, gap, after in zip(words, gaps, following, strict=True)]


def without_marks(words: Sequence[str]) -> list[str]:
    """The same words as a recogniser may write them: upper case, no marks."""
    return [word.rstrip("".join(MARKS)).upper() for word in words]


def _plain_number(word: str, printed: set[str]) -> str:
    """Numbers were spelled out in capitals."""
    is_number = word == word.upper() and word not in printed and (len(word) > 1 or word == "O")
    return word.lower() if is_number else word


def _mark(word: str, gap: str, following: str) -> str:
    """What stands between a word and the next, as one of `MARKS`."""
    if "?" in gap:
        return "?"
    if not following:
        return "."
    goes_on = following[0].islower()
    if "!" in gap or "." in gap.replace("...", ""):
        is_initial = len(word) == 1 and word.isupper() and gap.startswith(".")
        if not goes_on and not is_initial:
            return "."
        return "," if "!" in gap else ""
    return "," if _COMMAS.search(gap) else ""


def sentences_of(words: Sequence[str]) -> Iterator[list[str]]:
    """Tagged words, cut after full stops and question marks."""
    sentence: list[str] = []
    for word in words:
        sentence.append(word)
        if word.endswith((".", "?")):
            yield sentence
            sentence = []
    if sentence:
        yield sentence
