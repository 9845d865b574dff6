"""ARPA files, the text form of n-gram models; `.gz` in the name means gzip. Probabilities in them are log10.

Read as KenLM reads them: an n-gram whose context is missing is refused, one whose suffix is missing is fine (a pruned
model), and without an entry the unknown word gets log10-probability -100.
"""

import gzip
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from asr.errors import LanguageModelError
from asr.files import atomic_path, open_unpacked
from asr.lm.arpa_scan import FINE, NO_NUMBER, TOO_FEW_FIELDS, TOO_MANY_FIELDS, UNKNOWN_WORD, scan_ngrams
from asr.lm.graph import NGramError
from asr.lm.ngram import NGramModel
from asr.lm.tables import NGramTable
from asr.lm.vocabulary import SPECIAL_WORDS, UNKNOWN, UNKNOWN_ID, Vocabulary

_LOG_10 = math.log(10)
_UNKNOWN_LOG_PROB = -100 * _LOG_10  # KenLM's
_BEGINNING, _PIECE = 2**20, 2**24  # bytes: in which the header has to be, and which are read at once
_ROWS_AT_ONCE = 100_000  # of a file that is written
_MAX_SHOWN = 60  # characters of a wrong line that a message shows
_EXPECTED = "expected a log10-probability, {order} words and perhaps a back-off weight"
_PROBLEMS = {
    NO_NUMBER: "{field} is not a finite number; " + _EXPECTED,
    UNKNOWN_WORD: "{field} is not among the unigrams; every word has to be there",
    TOO_FEW_FIELDS: "the line ends too early; " + _EXPECTED,
    TOO_MANY_FIELDS: "found {field} after the end of the n-gram; " + _EXPECTED,
}


@dataclass(frozen=True, slots=True)
class _Section:
    """The lines of the n-grams of one order, `data[begin:end]`, and their number by the header."""

    order: int
    begin: int
    end: int
    num_ngrams: int


class _Fault(Exception):
    """What is wrong with the file, and at which byte."""

    def __init__(self, position: int, problem: str) -> None:
        super().__init__(problem)
        self.position = position


def read_arpa(path: Path) -> NGramModel:
    """Read a model of any order.

    Raises:
        LanguageModelError: the file is missing, truncated or no ARPA file, a number or word in it is wrong, a section
            is missing or longer or shorter than promised, an n-gram stands twice or its context is missing. Names the
            line.
    """
    data = _read(path)
    try:
        sections = _find_sections(data)
        words = [bytes(fields[1]) for line in _lines(data, sections[0]) if len(fields := line.split()) > 1]
        if b"<UNK>" in words and UNKNOWN.encode() not in words:  # SRILM's name of it
            data = bytearray(re.sub(rb"(?<!\S)<UNK>(?!\S)", UNKNOWN.encode(), data))
            words[words.index(b"<UNK>")] = UNKNOWN.encode()
        vocabulary = _make_vocabulary(data, sections[0], words)
        return _make_model(data, sections, vocabulary)
    except _Fault as fault:
        line = data.count(b"\n", 0, fault.position) + 1
        raise LanguageModelError(f"{path}, line {line}: {fault}") from None


def write_arpa(model: NGramModel, path: Path) -> None:
    """Write a model so that `read_arpa` gives the same. Raises OutputError if the file cannot be written."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        if path.suffix == ".gz":
            # No name and no time in it: the same model gives the same file.
            with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0) as compressed:
                compressed.writelines(_format(model))
        else:
            file.writelines(_format(model))


def _read(path: Path) -> bytearray:
    with open_unpacked(path, LanguageModelError) as file:
        data = bytearray(file.read(_BEGINNING))
        has_header = rb"\data" in data  # else it is no model, however much follows
        while has_header and (piece := file.read(_PIECE)):
            data += piece
    if not data.strip():
        raise LanguageModelError(f"{path}: the file is empty; expected an ARPA language model")
    return data


def _find_sections(data: bytearray) -> list[_Section]:
    header = re.search(rb"^(?:\xef\xbb\xbf)?\\data\\\s*?$", data, re.MULTILINE)
    if header is None:
        raise _Fault(0, r"not an ARPA language model; expected a line \data\ before anything else")
    marker = _next_marker(data, header.end())
    counts = list(_read_counts(data, header.end(), marker))
    sections = []
    for order, count in enumerate(counts, start=1):
        begin = _expect_marker(data, marker, rb"\%d-grams:" % order)
        marker = _next_marker(data, begin)
        sections.append(_Section(order, begin, marker, count))
    end = _expect_marker(data, marker, rb"\end" + b"\\")
    if data[end:].strip():
        raise _Fault(end + 1, r"found more text, expected nothing after \end" + "\\")
    return sections


def _next_marker(data: bytearray, begin: int) -> int:
    r"""Where the next line that begins with a backslash begins; the end of the data if there is none."""
    found = data.find(b"\n\\", begin)
    return len(data) if found < 0 else found + 1


def _expect_marker(data: bytearray, position: int, expected: bytes) -> int:
    """The end of the line at `position`, which has to be `expected`."""
    end = data.find(b"\n", position)
    end = len(data) if end < 0 else end
    found = bytes(data[position:end]).strip()
    if found != expected:
        raise _Fault(position, f"found {_show(found) if found else 'the end of the file'}, expected {_show(expected)}")
    return end


def _read_counts(data: bytearray, begin: int, end: int) -> Iterator[int]:
    position, order = begin, 0
    for line in data[begin:end].split(b"\n"):
        if line.strip():
            order += 1
            match = re.fullmatch(rb"\s*ngram\s+0*%d\s*=\s*(\d{1,18})\s*" % order, line)
            if match is None:
                raise _Fault(position, f"found {_show(line)}, expected ngram {order}=, and how many there are")
            yield int(match[1])
        position += len(line) + 1
    if order == 0:
        raise _Fault(begin, "expected ngram 1=, and how many unigrams there are")


def _lines(data: bytearray, section: _Section) -> list[bytearray]:
    return data[section.begin : section.end].split(b"\n")


def _make_vocabulary(data: bytearray, unigrams: _Section, words: list[bytes]) -> Vocabulary:
    special = [word.encode() for word in SPECIAL_WORDS]
    for word in special[1:]:
        if word not in words:
            raise _Fault(unigrams.begin, f"{word.decode()} is not among the unigrams; a model of sentences needs it")
    text = b"".join(word + b"\n" for word in special + [word for word in words if word not in special])
    try:
        return Vocabulary(np.frombuffer(bytearray(text), dtype=np.uint8))
    except LanguageModelError as error:
        raise _Fault(*_blame_word(data, unigrams, error)) from None


def _blame_word(data: bytearray, unigrams: _Section, error: LanguageModelError) -> tuple[int, str]:
    """Where the unigram is that a vocabulary refuses, and why."""
    seen: set[bytes] = set()
    for position, line in _filled_lines(data, unigrams):
        word = bytes(line.split()[1]) if len(line.split()) > 1 else b""
        try:
            word.decode()
        except UnicodeDecodeError:
            return position, f"the word {_show(word)} is not UTF-8 text; convert the file to UTF-8"
        if word in seen:
            return position, f"the word {_show(word)} stands twice among the unigrams"
        if b"\0" in word:
            return position, f"the word {_show(word)} has a zero byte"
        seen.add(word)
    return unigrams.begin, str(error)


def _filled_lines(data: bytearray, section: _Section) -> Iterator[tuple[int, bytearray]]:
    """The lines that are not blank, each with the position where it begins."""
    position = section.begin
    for line in _lines(data, section):
        if line.strip():
            yield position, line
        position += len(line) + 1


def _make_model(data: bytearray, sections: Sequence[_Section], vocabulary: Vocabulary) -> NGramModel:
    tables, orders_in_file = [], []
    for section in sections:
        words, values = _read_section(data, section, vocabulary)
        if section.order == 1 and len(words) < len(vocabulary):
            words = np.append(words, np.full((1, 1), UNKNOWN_ID, dtype=np.int32), axis=0)
            values = np.append(values, np.array([[_UNKNOWN_LOG_PROB, 0]], dtype=np.float32), axis=0)
        in_order = np.lexsort(words.T[::-1])
        values = values[in_order]
        tables.append(NGramTable(words[in_order], values[:, 0], values[:, 1]))
        orders_in_file.append(in_order)
    try:
        return NGramModel.from_ngrams(vocabulary, tables)
    except NGramError as error:
        row = orders_in_file[error.order - 1][error.row]
        position, line = next(islice(_filled_lines(data, sections[error.order - 1]), row, None))
        raise _Fault(position, f"{_show(line)}: {error.problem}") from None


def _read_section(data: bytearray, section: _Section, vocabulary: Vocabulary) -> tuple[np.ndarray, np.ndarray]:
    """Word ids, int32 [num_ngrams, order], and log-probabilities and back-off weights, float32 [num_ngrams, 2]."""
    num_lines = data.count(b"\n", section.begin, section.end) + 1
    words = np.zeros((num_lines, section.order), dtype=np.int32)
    values = np.zeros((num_lines, 2), dtype=np.float32)
    lines = np.frombuffer(data, dtype=np.uint8, count=section.end)
    row, position, outcome = scan_ngrams(lines, section.begin, vocabulary.table, words, values)
    if outcome != FINE:
        field = data[position : section.end].split(b"\n", 1)[0].split(maxsplit=1)
        raise _Fault(position, _PROBLEMS[outcome].format(field=_show(field[0]) if field else "", order=section.order))
    if row != section.num_ngrams:
        found = f"found {row} {section.order}-grams, but the header promises {section.num_ngrams}"
        raise _Fault(section.begin, f"{found}; the file was cut or changed")
    return words[:row], values[:row]


def _show(text: bytes | bytearray) -> str:
    shown = " ".join(text.decode(errors="backslashreplace").split())
    return f"'{shown}'" if len(shown) <= _MAX_SHOWN else f"'{shown[:_MAX_SHOWN]}...'"


def _format(model: NGramModel) -> Iterator[bytes]:
    words, ngrams = model.vocabulary.words(), model.to_ngrams()
    counts = "".join(f"ngram {order}={len(table.words)}\n" for order, table in enumerate(ngrams, start=1))
    yield f"\\data\\\n{counts}".encode()
    for order, table in enumerate(ngrams, start=1):
        yield f"\n\\{order}-grams:\n".encode()
        for begin in range(0, len(table.words), _ROWS_AT_ONCE):
            rows = slice(begin, begin + _ROWS_AT_ONCE)
            columns = [[words[word] for word in column] for column in table.words[rows].T.tolist()]
            texts = map(" ".join, zip(*columns, strict=True))
            log_probs = _to_log10(table.log_prob[rows])
            if order == model.order:
                lines = [f"{p:.9g}\t{text}\n" for p, text in zip(log_probs, texts, strict=True)]
            else:
                backoffs = _to_log10(table.backoff[rows])
                lines = [f"{p:.9g}\t{t}\t{b:.9g}\n" for p, t, b in zip(log_probs, texts, backoffs, strict=True)]
            yield "".join(lines).encode()
    yield b"\n\\end\\\n"


def _to_log10(natural: np.ndarray) -> list[float]:
    """With as few digits, 7 to 9, as are needed to read the same float32 back."""
    exact = natural.astype(np.float64) / _LOG_10
    shortest = exact
    magnitude = np.floor(np.log10(np.where(exact == 0, 1, np.abs(exact))))
    for digits in (8, 7):
        scale = 10.0 ** (digits - 1 - magnitude)
        rounded = np.round(exact * scale) / scale
        shortest = np.where((rounded * _LOG_10).astype(np.float32) == natural, rounded, shortest)
    values: list[float] = shortest.tolist()
    return values
