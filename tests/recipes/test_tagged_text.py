"""Printed sentences -> tagged words."""

from collections import Counter
from pathlib import Path

import pytest

from asr.errors import CorpusError
from recipes.english.punctuation_data import write_tagged_texts
from recipes.english.tagged_text import Document, read_documents, tagged, without_marks
from recipes.english_text import spoken_english


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ('"Mr. Bell\'s clock--No. 12--is off!" he said.', "Mister Bell's clock, Number twelve, is off, he said."),
        ('"Can these things be?" thought Bernardine.', "Can these things be? thought Bernardine."),
        ("He was born in the U.S. in 1868, wasn't he?", "He was born in the U S in eighteen sixty eight, wasn't he?"),
        ("J. F. Kennedy met NATO's McDonald.", "J F Kennedy met NATO's McDonald."),
        ("I waited... and waited; nothing came", "I waited, and waited, nothing came."),
        ("Down! down! Down!", "Down, down. Down."),
        ("It is well-known (to us).", "It is well known to us."),
        ("He said: 'Come.' She did.", "He said, Come. She did."),
        ("Wait...", "Wait."),
        ("APIs? OK.", "APIs? OK."),
        ("THE END OF THE BOOK", ""),
        ("", ""),
    ],
)
def test_marks_and_capitals(printed: str, expected: str) -> None:
    assert " ".join(tagged(printed, Counter())) == expected


@pytest.mark.parametrize(
    "printed",
    ["Mr. Bell's clock--No. 12--is off!", "He was born in the U.S. in 1868.", "'Tis so, isn't it?", "£5, please."],
)
def test_the_words_are_those_that_language_models_are_made_of(printed: str) -> None:
    assert without_marks(tagged(printed, Counter())) == spoken_english(printed, Counter())


def table(path: Path, rows: list[tuple[str, int, int]]) -> Path:
    lines = ["book\tfirst_line\twords\tlines", *(f"{name}\t{first}\t9\t{lines}" for name, first, lines in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_table_tells_where_documents_begin(tmp_path: Path) -> None:
    path = table(tmp_path / "t.tsv", [("A", 1, 4), ("B", 5, 2)])
    assert read_documents(path) == [Document("A", 0, 4), Document("B", 4, 2)]
    path.write_text("book\tlines\nA\t4\n")
    with pytest.raises(CorpusError, match="expected columns first_line and lines"):
        read_documents(path)


def test_what_is_held_out_is_in_no_other_part(tmp_path: Path) -> None:
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = [letters[n // 26] + letters[n % 26] for n in range(400)]
    books = [f"Book {name} has a sentence." for name in names[:160]]
    modern = [f"Today {name} has a sentence." for name in names[:199]]
    modern[0] = modern[-1]  # held out, and repeated in training
    (tmp_path / "books.txt").write_text("\n".join(books) + "\n")
    (tmp_path / "modern.txt").write_text("\n".join(modern) + "\n")
    book_table = table(tmp_path / "books.tsv", [(f"B{n}", 1 + 4 * n, 4) for n in range(40)])
    modern_table = table(tmp_path / "modern.tsv", [("M", 1, 199)])
    write_tagged_texts((tmp_path / "books.txt", book_table), (tmp_path / "modern.txt", modern_table), tmp_path / "out")
    parts = {path.stem: path.read_text().splitlines() for path in (tmp_path / "out").glob("*.txt")}
    assert parts["dev_books"] == books[40:44]
    assert parts["test_books"] == books[120:124]
    assert parts["dev_modern"] == modern[193:196]
    assert parts["test_modern"] == modern[196:199]
    assert parts["train"] == [*books[:40], *books[44:120], *books[124:], *modern[1:193]]


def test_a_table_of_another_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "books.txt").write_text("One.\nTwo.\n")
    wrong = table(tmp_path / "books.tsv", [("A", 1, 3)])
    texts = (tmp_path / "books.txt", wrong)
    with pytest.raises(CorpusError, match=r"books.tsv: does not have the 2 lines of .*books.txt"):
        write_tagged_texts(texts, texts, tmp_path / "out")
