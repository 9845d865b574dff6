"""Stage prepare of `recipes/english/punctuation.py`: printed sentences -> tagged texts to train and to test with.

Of the books some are held out as a whole, so that their names, places and style are new; of each source of modern
text, its last lines. Sentences that are held out, and occur once more elsewhere, are left out of training.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from asr.errors import CorpusError
from asr.files import atomic_path, read_lines, write_text
from recipes.english.tagged_text import Document, read_documents, read_tagged
from recipes.stages import say

PARTS = ("train", "dev_books", "dev_modern", "test_books", "test_modern")
_BOOKS_IN_TURN, _DEV_BOOK, _TEST_BOOK = 40, 10, 30  # of 40 books one is for dev and one for the test
_MODERN_SHARE = 50  # of the lines of each source one in 50 is for dev, and as many for the test


def write_tagged_texts(books: tuple[Path, Path], modern: tuple[Path, Path], out: Path) -> None:
    """Write `out`/<part>.txt for each part, a sentence a line, and `out`/counts.json. `books` and `modern`: the
    sentences, and the table of their documents.

    Raises:
        CorpusError, LanguageModelError: a file cannot be read, or its table does not fit.
        OutputError: a file cannot be written.
    """
    parts: dict[str, list[list[str]]] = {part: [] for part in PARTS}
    counts: dict[str, Counter[str]] = {}
    for kind, (sentences, table) in {"books": books, "modern": modern}.items():
        counts[kind] = Counter()
        tagged = read_tagged(sentences, counts[kind])
        documents = read_documents(table)
        if sum(document.num_lines for document in documents) != len(tagged):
            raise CorpusError(f"{table}: does not have the {len(tagged)} lines of {sentences}; give the table of it")
        split = _split_books(documents) if kind == "books" else _split_modern(documents)
        for part, pieces in split.items():
            name = part if part == "train" else f"{part}_{kind}"
            parts[name] += [tagged[line] for piece in pieces for line in _lines(piece) if tagged[line]]
    held_out = {" ".join(words) for part in PARTS[1:] for words in parts[part]}
    parts["train"] = [words for words in parts["train"] if len(words) < 4 or " ".join(words) not in held_out]
    for part, sentences_of_part in parts.items():
        _write(out / f"{part}.txt", sentences_of_part)
    write_text(out / "counts.json", json.dumps(counts, indent=1) + "\n")


def read_running_text(path: Path) -> list[str]:
    """The tagged words of a part as one text, without ends of lines.

    Raises:
        CorpusError: the file cannot be read, or is empty.
    """
    words = [word for line in read_lines(path, CorpusError) for word in line.split()]
    if not words:
        raise CorpusError(f"{path}: no words in it; run the stage prepare again")
    return words


def _split_books(documents: Sequence[Document]) -> dict[str, list[Document]]:
    split: dict[str, list[Document]] = {"train": [], "dev": [], "test": []}
    for number, document in enumerate(documents):
        part = {_DEV_BOOK: "dev", _TEST_BOOK: "test"}.get(number % _BOOKS_IN_TURN, "train")
        split[part].append(document)
    return split


def _split_modern(documents: Sequence[Document]) -> dict[str, list[Document]]:
    split: dict[str, list[Document]] = {"train": [], "dev": [], "test": []}
    for document in documents:
        held_out = document.num_lines // _MODERN_SHARE
        edges = (0, document.num_lines - 2 * held_out, document.num_lines - held_out, document.num_lines)
        for part, first, last in zip(split, edges, edges[1:], strict=False):
            split[part].append(Document(document.name, document.first + first, last - first))
    return split


def _lines(document: Document) -> range:
    return range(document.first, document.first + document.num_lines)


def _write(path: Path, sentences: Sequence[Sequence[str]]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(" ".join(words) + "\n" for words in sentences)
    say("prepare", f"{path}: {len(sentences)} sentences, {sum(map(len, sentences))} words")
