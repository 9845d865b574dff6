"""The page of scored files, from the command line, in a real browser; and where it looks for sounds."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser

from asr.scoring.systems import system_names
from tests.support.browser import accessibility_violations, chromium, opened
from tests.support.command_line import RunAsr, written


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def data(page: Path) -> list[dict[str, Any]]:
    """The utterances that the page has."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(encoding="utf-8"))
    assert found
    utterances: list[dict[str, Any]] = json.loads(found[1])["utterances"]
    return utterances


def silence(path: Path, seconds: float = 1.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(int(8000 * seconds), np.float32), 8000)
    return path


def test_two_systems_side_by_side_with_the_sounds_of_the_manifest(
    asr: RunAsr, browser: Browser, tmp_path: Path
) -> None:
    silence(tmp_path / "corpus/wav/talk 1.wav", 100)
    references = written(
        tmp_path / "corpus/ref.jsonl",
        *(
            {
                "id": id,
                "audio_filepath": f"wav/talk {n}.wav",
                "duration": 90.0,
                "offset": 5.0,
                "text": text,
                "speaker": "anna",
            }
            for n, (id, text) in enumerate([("a<b>", "the cat sat"), ("b", "on a mat")], start=1)
        ),
    )
    one = written(tmp_path / "one.jsonl", {"id": "a<b>", "text": "the cat"}, {"id": "b", "text": "on a mat"})
    two = written(tmp_path / "two.jsonl", {"id": "a<b>", "text": "the cat sat"}, {"id": "b", "text": "on the mat"})
    page = tmp_path / "out/report.html"
    result = asr("score", references, one, two, "--html", page)
    assert result.err.splitlines()[-1] == f"asr: {page}: 2 utterances, 1 of them with sound"
    assert [line.split(":")[0] for line in result.out.splitlines()] == ["one", "two"]
    with opened(browser, page) as shown:
        assert shown.locator("h1").text_content() == "one, two against ref.jsonl"
        assert shown.locator("tbody").first.locator("th").all_text_contents() == ["one", "two"]
        assert shown.locator("#utterances h3").all_text_contents() == ["a<b>", "b"]
        assert shown.get_by_role("button", name="play").count() == 1
        shown.get_by_label("play a<b>").click()
        shown.wait_for_function("sound.currentTime >= 5")
        assert accessibility_violations(shown) == []


def test_the_listing_shows_an_utterance_as_all_systems_have_it(asr: RunAsr, tmp_path: Path) -> None:
    references = written(tmp_path / "r.txt", "a b", "c")
    one, two = written(tmp_path / "one.txt", "a", "c"), written(tmp_path / "two.txt", "a b", "d")
    listed = asr("score", references, one, two, "--listing").out
    assert re.findall(r"^\d, .*(?=: \d error)", listed, flags=re.MULTILINE) == ["1, one", "1, two", "2, one", "2, two"]


def test_words_of_a_ctm_are_marked_as_they_are_heard(asr: RunAsr, tmp_path: Path) -> None:
    stm = written(tmp_path / "r.stm", "rec 1 s1 0.00 1.00 x y", "rec 1 s2 1.00 2.50 z", "other 1 s1 0.00 1.00 w")
    ctm = written(tmp_path / "h.ctm", "rec 1 0.25 0.25 x", "rec 1 1.25 0.50 z", "other 1 0.25 0.25 w")
    silence(tmp_path / "sounds/deep/rec.flac")
    page = tmp_path / "report.html"
    assert (
        "3 utterances, 2 of them with sound"
        in asr("score", stm, ctm, "--html", page, "--audio", tmp_path / "sounds").err
    )
    last = data(page)[2]
    assert last["id"] == "rec-1-s2-1.000-2.500"
    assert (last["audio"], last["start"], last["end"], last["times"]) == (
        "sounds/deep/rec.flac",
        1.0,
        2.5,
        [[[0.25, 0.75]]],
    )
    assert "audio" not in data(page)[0]


def test_sounds_of_the_same_name_are_told_apart(asr: RunAsr, tmp_path: Path) -> None:
    lines = [{"audio_filepath": f"/gone/spk{n}/1.wav", "duration": 1.0, "text": "a"} for n in (1, 2)]
    references = written(tmp_path / "r.jsonl", *lines)
    for n in (1, 2):
        silence(tmp_path / f"sounds/spk{n}/1.mp3.wav").rename(tmp_path / f"sounds/spk{n}/1.ogg")
    page = tmp_path / "report.html"
    asr("score", references, references, "--html", page, "--audio", tmp_path / "sounds")
    assert [u["audio"] for u in data(page)] == ["sounds/spk1/1.ogg", "sounds/spk2/1.ogg"]
    refused = asr("score", references, references, "--html", page, "--audio", tmp_path / "none")
    assert refused.code == 2
    assert "none: is no folder; expected one with the sounds" in refused.err


def test_what_has_no_sound_says_nothing_of_it(asr: RunAsr, tmp_path: Path) -> None:
    text, page = written(tmp_path / "r.txt", "a"), tmp_path / "report.html"
    assert asr("score", text, text, "--html", page).err.splitlines()[-1] == f"asr: {page}: 1 utterances"


def test_systems_are_named_after_their_files() -> None:
    assert system_names([Path("a/x.trn"), Path("b/y.jsonl")]) == ["x", "y"]
    assert system_names([Path("a/x.trn"), Path("b/x.jsonl")]) == ["a/x", "b/x"]
