"""`asr align` as its users meet it, and `Recognizer.align` behind it."""

import io
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from asr.alignment.forced_alignment import align_tokens, align_words, path_score
from asr.alignment.pauses import find_pauses
from asr.errors import AudioError, TokensError
from asr.formats import FORMATS
from asr.formats.document import Document
from asr.recognizer import Recognizer
from asr.transcript import Word
from tests.support.command_line import Refusal, RunAsr, written
from tests.support.talkative import char_tokens, sound, talkative


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return written(tmp_path / "said.txt", "THE QUICK", "FOX")


def test_the_words_of_the_text_in_each_format(
    asr: RunAsr, model_folder: Path, wav: Path, text: Path, tmp_path: Path
) -> None:
    transcript = Recognizer.load(model_folder).align(wav, "THE QUICK FOX")
    assert [word.text for word in transcript.words] == ["THE", "QUICK", "FOX"]
    expected = {name: form.render(Document.of(transcript)) for name, form in FORMATS.items()}
    for name, content in expected.items():
        printed = asr("align", model_folder, wav, text, "--format", name)
        assert (printed.code, printed.err, printed.out) == (0, "", content)
        saved = asr("align", model_folder, wav, text, "--format", name, "--output", tmp_path / "new" / name)
        assert (saved.code, saved.err, saved.out) == (0, "", "")
        assert (tmp_path / "new" / name).read_text() == content
    assert asr("align", model_folder, wav, text).out == expected["ctm"]


def test_the_text_may_come_from_stdin(
    asr: RunAsr, refusal: Refusal, monkeypatch: pytest.MonkeyPatch, model_folder: Path, wav: Path, text: Path
) -> None:
    expected = asr("align", model_folder, wav, text).out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.read_bytes())))
    assert asr("align", model_folder, wav, "-").out == expected
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"A\xff")))
    assert refusal("align", model_folder, wav, "-") == "stdin: not UTF-8 text; convert it to UTF-8"


def test_what_cannot_be_aligned_is_said_in_one_line(
    refusal: Refusal, model_folder: Path, wav: Path, text: Path, tmp_path: Path
) -> None:
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(16_000), 16_000)
    assert refusal("align", model_folder, silent, text) == f"{silent}: is silent, so no words can be found in it"
    assert refusal("align", model_folder, wav, written(tmp_path / "empty.txt", " ")) == (
        "the text is empty; give the words that are said in the sound"
    )
    foreign = written(tmp_path / "foreign.txt", "THE QUICK fOX")
    assert "the character 'f' (U+0066) in 'fOX' is not in the alphabet" in refusal("align", model_folder, wav, foreign)
    long = written(tmp_path / "long.txt", "THE LAZY DOG " * 100)
    assert refusal("align", model_folder, wav, long) == (
        f"{wav}: 2.00 s of sound are too short for this text, which takes 51.96 s or more; "
        "give the text of this very sound"
    )
    assert refusal("align", model_folder, wav, tmp_path / "gone.txt") == f"{tmp_path / 'gone.txt'}: no such file"
    assert "no such file" in refusal("align", model_folder, tmp_path / "gone.wav", text)
    full = refusal("align", model_folder, wav, text, "--output", "/dev/full")
    assert full == "/dev/full: could not be written (No space left on device)"


# --- Recognizer.align -------------------------------------------------------------------------------------------------


def test_aligning_what_was_heard_gives_the_transcript_again() -> None:
    recognizer = talkative()
    for seed in range(6):
        waveform = sound(20_000, seed)
        heard = recognizer.transcribe(waveform)
        aligned = recognizer.align(waveform, heard.text)
        assert aligned.text == heard.text
        assert [word.text for word in aligned.words] == [word.text for word in heard.words]


def test_times_and_score_are_those_of_the_forced_path() -> None:
    recognizer = talkative()
    waveform = sound(20_000)
    (log_probs,) = recognizer.log_probs([waveform])
    tokens = tuple(recognizer.tokens.encode("A CAT"))
    spans = align_tokens(log_probs, tokens)
    transcript = recognizer.align(waveform, " A  CAT\n")
    assert transcript.text == "A CAT"
    assert transcript.duration == 1.25
    assert transcript.score == pytest.approx(path_score(log_probs, tokens, spans))
    aligned = align_words(
        spans,
        [(0, 1), (2, 5)],
        seconds_per_frame=0.04,
        pauses=find_pauses(waveform, sample_rate=16_000),
        duration=1.25,
    )
    assert transcript.words == tuple(
        Word(text, word.start, word.end, word.confidence) for text, word in zip(["A", "CAT"], aligned, strict=True)
    )


def test_refusals() -> None:
    recognizer = talkative(tokens=char_tokens(["A CAT"]))
    with pytest.raises(TokensError, match="text is empty"):
        recognizer.align(sound(8000), " \n")
    with pytest.raises(AudioError, match="the sound: is silent"):
        recognizer.align(torch.zeros(8000), "A")
    with pytest.raises(AudioError, match="the sound: is silent"):
        recognizer.align(torch.zeros(0), "A")
    with pytest.raises(AudioError, match="the sound: is silent"):
        recognizer.align(torch.zeros(1, 8000), "A")
    with pytest.raises(AudioError, match=r"0.10 s of sound are too short for this text, which takes 0\.\d\d s"):
        recognizer.align(sound(1600), "A CAT A CAT")
    broken = sound(8000)
    broken[100] = float("nan")
    with pytest.raises(AudioError, match="NaN or infinite, the first is sample 100"):
        recognizer.align(broken, "A")


def test_a_model_that_is_installed_need_not_be_given(
    asr: RunAsr, models_home: Path, model_folder: Path, wav: Path, tmp_path: Path
) -> None:
    text = written(tmp_path / "text.txt", "THE QUICK FOX")
    expected = asr("align", model_folder, wav, text)
    shutil.copytree(model_folder, models_home / "ours")
    assert expected.code == 0
    assert asr("align", wav, text) == asr("align", "ours", wav, text) == expected
    assert asr("align", wav).code == 2
