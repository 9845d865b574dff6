"""`asr listen` as its users meet it."""

import re
import shutil
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.recognizer import Recognizer
from asr.text.restore import restored
from tests.support.command_line import Refusal, RunAsr
from tests.support.fake_sounddevice import FakeMicrophone
from tests.support.taggers import random_tagger
from tests.support.talkative import sound, talkative


def test_a_file_is_played_and_its_text_and_delays_are_told(asr: RunAsr, model_folder: Path, tmp_path: Path) -> None:
    waveform = np.concatenate([sound(16_000), np.zeros(24_000, np.float32), sound(8000, 1)])
    soundfile.write(tmp_path / "a.wav", waveform, 16_000, subtype="FLOAT")
    found = asr("listen", model_folder, "--file", tmp_path / "a.wav", "--lookahead", 0.2, "--chunk", 0.3)
    stream = Recognizer.load(model_folder).stream(lookahead=0.2, chunk=0.3)
    stream.accept(waveform, 16_000)
    expected = stream.finish()
    assert (found.code, " ".join(found.out.split())) == (0, expected.text)
    assert found.out.endswith("\n")
    assert "\x1b" not in found.out
    shown, final = found.err.splitlines()
    assert re.match(r"asr: words are shown \d+ ms .* 200 ms of that are the look-ahead", shown)
    assert re.match(r"asr: words are final \d+ ms \(95 %: \d+ ms\) after they end", final)


def test_a_model_that_is_installed_need_not_be_given(
    asr: RunAsr, models_home: Path, model_folder: Path, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "a.wav", sound(16_000), 16_000, subtype="FLOAT")
    shutil.copytree(model_folder, models_home / "ours")
    expected = asr("listen", model_folder, "--file", tmp_path / "a.wav")
    assert expected.code == 0
    assert expected.out.strip()
    assert asr("listen", "--file", tmp_path / "a.wav").out == expected.out
    assert asr("listen", "ours", "--file", tmp_path / "a.wav").out == expected.out


def test_with_a_tagger_lines_are_printed_with_capitals_and_marks(asr: RunAsr, tmp_path: Path) -> None:
    plain, tagger = talkative(4), random_tagger()
    Recognizer(replace(plain.parts, tagger=tagger)).save(tmp_path / "model")
    waveform = np.concatenate([sound(32_000), np.zeros(32_000, np.float32), sound(32_000, 1), np.zeros(32_000)])
    soundfile.write(tmp_path / "a.wav", waveform, 16_000, subtype="FLOAT")
    command = "listen", tmp_path / "model", "--file", tmp_path / "a.wav", "--lookahead", 0.2, "--chunk", 0.3
    stream = plain.stream(lookahead=0.2, chunk=0.3)
    edges = [0]
    for start in range(0, len(waveform), 1600):
        stream.accept(waveform[start : start + 1600].astype(np.float32), 16_000)
        if len((heard := stream.partial()).endpoints) == len(edges):
            edges.append(len(heard.final))
    words = stream.finish().words
    lines = [words[first:end] for first, end in pairwise([*edges, len(words)]) if end > first]
    assert 2 <= len(lines) < len(words)
    written = asr(*command).out.splitlines()
    assert written == [" ".join(str(word.written) for word in restored(line, tagger)) for line in lines]
    assert all(line[-1] in ".?" for line in written)
    assert asr(*command, "--plain").out.splitlines() == [" ".join(word.text for word in line) for line in lines]


def test_a_microphone_that_is_unplugged_leaves_the_text_so_far(
    asr: RunAsr, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waveform = sound(16_000)
    FakeMicrophone(waveform[:, None], 16_000).install(monkeypatch)
    found = asr("listen", model_folder)
    stream = Recognizer.load(model_folder).stream()
    stream.accept(waveform, 16_000)
    assert (found.code, " ".join(found.out.split())) == (0, stream.finish().text)
    assert found.err == "asr: listening at 16000 Hz; Ctrl-C ends\n"


def test_without_portaudio_it_is_said_at_once_and_a_file_needs_none(
    asr: RunAsr, refusal: Refusal, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the model is looked at, which takes a while."""
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert "pip install 'recurrent-asr[listen]'" in refusal("listen", tmp_path / "no model")
    soundfile.write(tmp_path / "a.wav", sound(8000), 16_000)
    assert asr("listen", model_folder, "--file", tmp_path / "a.wav").code == 0


def test_what_cannot_be_heard_is_refused(
    refusal: Refusal, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no such file" in refusal("listen", model_folder, "--file", tmp_path / "none.wav")
    assert "lookahead" in refusal("listen", model_folder, "--file", tmp_path / "none.wav", "--lookahead", -1)
    FakeMicrophone(np.zeros((1, 1)), 16_000, is_missing=True).install(monkeypatch)
    assert "microphone cannot be opened" in refusal("listen", model_folder)
