"""Prompts and texts of the English recipe: what is said stands in the label, and no test set leaks into them."""

import json
import lzma
import sys
from pathlib import Path

import pytest

from asr.corpus.manifest import Utterance, write_manifest
from asr.errors import CorpusError
from recipes.english import prompts as prompts_recipe
from recipes.english import texts as texts_recipe
from recipes.english.overlap import Passages
from recipes.english.prompts import read_prompts, sayable, write_prompts
from recipes.english.texts import write_texts
from recipes.english_text import words_of

LONG = "ALL THE KINGS HORSES AND ALL THE KINGS MEN RODE HOME"


def manifest(path: Path, texts: list[str]) -> Path:
    write_manifest(path, [Utterance(Path(f"{n}.wav"), 1.0, text, str(n), speaker="s") for n, text in enumerate(texts)])
    return path


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("Mr. Bell came in 1868, at 13%.", "Mister Bell came in eighteen sixty eight, at thirteen percent."),
        ('"Late!" he said--and so it was.', "Late! he said, and so it was."),
        ("The well-known man (a baker) didn't wait...", None),  # no end mark that all voices read
        ("“What is the matter (here)?” she said.", "What is the matter, here? she said."),
        ("He bought it -- for $2.", "He bought it, for two dollars."),
    ],
)
def test_what_is_said(printed: str, said: str | None) -> None:
    assert sayable(printed) == said


@pytest.mark.parametrize(
    "printed",
    [
        "NASA had a plan.",  # a word or letters
        "He had a plan B.",
        "Give th' man 'is hat.",  # dialect
        "The mice' tails.",
        "They used JavaScript there.",
        "Go to example.com now.",
        "That costs £5 or so.",
        "no capital at the start",
        "Domestic Manners, i. 99.",
    ],
)
def test_what_voices_may_read_otherwise_is_no_prompt(printed: str) -> None:
    assert sayable(printed) is None


def test_passages() -> None:
    passages = Passages([LONG.split(), ["OPEN", "THE", "DOOR"]])
    assert passages.overlap(words_of("Then and all the kings men rode home again"))  # seven words
    assert not passages.overlap(words_of("Then and all the kings men rode back"))  # six
    assert passages.overlap(["OPEN", "THE", "DOOR"])
    assert not passages.overlap(["PLEASE", "OPEN", "THE", "DOOR"])
    assert not passages.overlap([])


def book(path: Path, sentences: list[str]) -> Path:
    path.write_bytes(lzma.compress("".join(f"{sentence}\n" for sentence in sentences).encode()))
    return path


ANIMALS = ("cat", "dog", "cow", "hen", "pig", "fox")
PLACES = ("hill", "road", "lake")
SENTENCES = [
    f"The {animal} runs to the old {place} at {hour}." for animal in ANIMALS for place in PLACES for hour in (3, 4)
]
UNFIT = [
    "The cat runs.",  # short
    "The cat runs to the old hill" + " and the old hill" * 6 + ".",  # long
    "The cat runs to the old cwm at 3.",  # a rare word
    "The NASA cat runs to the old hill at 3.",
    "All the kings horses and all the kings men rode home.",  # in a test set
] + ["All the kings and horses rode home again, men."] * 3


def test_prompts_are_chosen_by_the_seed_alone(tmp_path: Path) -> None:
    one, two = book(tmp_path / "1.xz", [*SENTENCES[:20], *UNFIT]), book(tmp_path / "2.xz", [*SENTENCES[20:], *UNFIT])
    tests = manifest(tmp_path / "dev.jsonl", [LONG])
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_prompts([one, two], [tests], tmp_path / out, 20, seed)
    chosen = {out: read_prompts(tmp_path / out) for out in "abc"}
    assert chosen["a"] == chosen["b"] != chosen["c"]
    fit = {sayable(s) for s in SENTENCES} | {"All the kings and horses rode home again, men."}
    assert len(chosen["a"]) == len(set(chosen["a"])) == 20
    assert set(chosen["a"]) <= fit
    assert chosen["a"] != sorted(chosen["a"])
    assert all(5 <= len(words_of(prompt)) <= 25 and not any(map(str.isdigit, prompt)) for prompt in chosen["a"])
    from_one = {sayable(s) for s in SENTENCES[:20]}
    assert 8 <= sum(prompt in from_one for prompt in chosen["a"]) <= 11  # half, but for the sentence that both have


def test_too_few_prompts_are_told(tmp_path: Path) -> None:
    one, tests = book(tmp_path / "1.xz", SENTENCES), manifest(tmp_path / "dev.jsonl", [LONG])
    with pytest.raises(CorpusError, match=r"1\.xz: has 36 sentences .* expected 37 \(--count\)"):
        write_prompts([one], [tests], tmp_path / "out", 37, 1)
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(CorpusError, match="no prompts in it"):
        read_prompts(tmp_path / "empty")


def test_texts_are_in_the_form_of_transcripts_and_without_the_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = book(
        tmp_path / "b.xz", ["Mr. Bell paid $5.", "(Vol. x. p. 177.)", "He said: all the kings horses and all the"]
    )
    train = manifest(tmp_path / "train.jsonl", ["WE CALL IT BEAR", "WE CALL IT BEAR", "OPEN THE DOOR", "SO BE IT"])
    dev = manifest(tmp_path / "dev.jsonl", [LONG, "OPEN THE DOOR"])
    counts = write_texts({"books": printed}, [train], [dev], tmp_path / "text")
    assert (tmp_path / "text" / "books.txt").read_text() == "MISTER BELL PAID FIVE DOLLARS\n"
    assert (tmp_path / "text" / "transcripts.txt").read_text() == "WE CALL IT BEAR\nSO BE IT\n"
    assert counts["books"]["words"] == 5
    assert counts["books"]["overlaps"] == counts["transcripts"]["overlaps"] == 1
    assert json.loads((tmp_path / "text" / "texts.json").read_text()) == counts

    arguments = ["--transcripts", str(train), "--evaluation", str(dev), "--out", str(tmp_path / "again")]
    monkeypatch.setattr(sys, "argv", ["texts", "--text", f"books={printed}", *arguments])
    texts_recipe.main()
    assert (tmp_path / "again" / "texts.json").read_bytes() == (tmp_path / "text" / "texts.json").read_bytes()
    monkeypatch.setattr(sys, "argv", ["texts", "--text", str(printed), *arguments])
    with pytest.raises(SystemExit) as stopped:
        texts_recipe.main()
    assert stopped.value.code == 2
    assert "expected NAME=FILE" in capsys.readouterr().err


def test_the_command_of_prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, tests = book(tmp_path / "1.xz", SENTENCES), manifest(tmp_path / "dev.jsonl", [LONG])
    arguments = ["--text", str(one), "--evaluation", str(tests), "--count", "7", "--out", str(tmp_path / "p.txt")]
    monkeypatch.setattr(sys, "argv", ["prompts", *arguments])
    prompts_recipe.main()
    assert len(read_prompts(tmp_path / "p.txt")) == 7
