"""The ten examples of docs/python.md run one after the other, as they stand, and print what they should."""

import ast
import io
import os
import re
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import pysubs2
import pytest
import soundfile

from asr.audio import load_audio
from asr.recognizer import Recognizer
from asr.search import Fusion, SearchSettings, search
from tests.support.talkative import char_tokens, sound, talkative

PAGE = Path(__file__).parents[2] / "docs/python.md"
HOTWORDS = {"ADA LOVELACE": 1.5, "BABBAGE": 1.5}
NUM_SAMPLES = 32_000

Printed: TypeAlias = dict[str, list[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the page speaks of: the folder of a model, and two recordings."""
    folder = tmp_path_factory.mktemp("page")
    made = talkative(16, tokens=char_tokens(["ADA LOVELACE MET BABBAGE"]))
    made.model.head.weight.data *= 0.2  # less sure, so that hot words matter
    made.save(folder / "model")
    soundfile.write(folder / "talk.mp3", sound(NUM_SAMPLES, seed=5), 16_000)
    soundfile.write(folder / "talk.flac", sound(NUM_SAMPLES, seed=1), 16_000)
    return folder


@pytest.fixture(scope="module")
def recognizer(folder: Path) -> Recognizer:
    return Recognizer.load(folder / "model")


@pytest.fixture(scope="module")
def printed(folder: Path) -> Printed:
    """The lines that each example prints, by the words in bold above it."""
    example = r"^(?:\*\*(.+?)\*\*.*?\n\n)?```python\n(.*?)^```$"
    examples = re.findall(example, PAGE.read_text(), re.DOTALL | re.MULTILINE)
    found, names, before = {}, {"__name__": "__main__"}, Path.cwd()
    os.chdir(folder)
    try:
        for title, code in examples:
            with redirect_stdout(io.StringIO()) as out:
                exec(compile(code, str(PAGE), "exec"), names)
            found[title] = out.getvalue().splitlines()
    finally:
        os.chdir(before)
    return found


def heard(recognizer: Recognizer, path: Path) -> str:
    """The text by the stages one by one."""
    (best,) = recognizer.decode(recognizer.log_probs([load_audio(path)]))
    return recognizer.tokens.decode(best.tokens)


def test_there_are_ten(printed: Printed) -> None:
    assert list(printed) == [
        "",
        "A file",
        "Samples in an array",
        "The bytes of a file",
        "A batch",
        "Words",
        "Hot words",
        "Alternatives",
        "Alignment",
        "Subtitles",
        "A stream",
    ]


def test_a_file_an_array_bytes_a_batch(printed: Printed, recognizer: Recognizer, folder: Path) -> None:
    mp3, flac = (heard(recognizer, folder / name) for name in ("talk.mp3", "talk.flac"))
    assert len({mp3, flac, ""}) == 3
    assert printed["A file"] == printed["The bytes of a file"] == [mp3]
    assert printed["Samples in an array"] == [flac]
    assert printed["A batch"] == [f"talk.mp3 {mp3}", f"talk.flac {flac}"]


def test_words(printed: Printed) -> None:
    (text,) = printed["A file"]
    rows = [re.fullmatch(r"(\d\.\d\d) (\d\.\d\d) (\S+) ([01]\.\d\d)", line) for line in printed["Words"]]
    times = [float(row[n]) for row in rows if row for n in (1, 2)]
    assert [row[3] for row in rows if row] == text.split()
    assert len(rows) > 3
    assert times == sorted(times)
    assert times[-1] <= NUM_SAMPLES / 16_000
    assert all(0 <= float(row[4]) <= 1 for row in rows if row)


def test_hot_words(printed: Printed, recognizer: Recognizer, folder: Path) -> None:
    (log_probs,) = recognizer.log_probs([load_audio(folder / "talk.mp3")])
    fusion = Fusion(recognizer.tokens.pieces, None, settings=SearchSettings().fusion, hotwords=HOTWORDS)
    best = search(log_probs, SearchSettings(method="beam"), fusion)
    assert printed["Hot words"] == [recognizer.tokens.decode(best.tokens)]
    assert "ADA" in printed["Hot words"][0].split()
    assert "ADA" not in printed["A file"][0].split()


def test_alternatives(printed: Printed) -> None:
    """That they are the likeliest: test_recognizer.py."""
    scores, texts = zip(*(line.split(" ", 1) for line in printed["Alternatives"]), strict=True)
    assert len(set(texts)) == 3
    assert list(scores) == sorted(scores, key=float, reverse=True)


def test_alignment(printed: Printed) -> None:
    times, words = zip(*(line.split() for line in printed["Alignment"]), strict=True)
    assert words == ("ADA", "MET", "BABBAGE")
    assert all(float(first) < float(second) for first, second in pairwise(times))


def test_subtitles(printed: Printed, folder: Path) -> None:
    cues = pysubs2.load(str(folder / "talk.srt"))
    assert " ".join(" ".join(cue.plaintext.split()) for cue in cues) == printed["A file"][0]


def test_a_stream(printed: Printed, recognizer: Recognizer) -> None:
    *partials, last = printed["A stream"]
    finals = [ast.literal_eval(line[: line.index("]") + 1]) for line in partials]
    assert len(finals) == NUM_SAMPLES / 1600
    assert all(after[: len(before)] == before for before, after in pairwise([*finals, last.split()]))
    stream = recognizer.stream()
    stream.accept(sound(NUM_SAMPLES, seed=1), 16_000)
    assert last == stream.finish().text
