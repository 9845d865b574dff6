"""Microphones that are as odd as real ones, files played by the clock, and the delays that are told."""

import builtins
import os
import queue
import signal
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from asr.errors import AudioError, ExtraError
from asr.recognizer import Recognizer
from asr.streaming.delays import WordDelays
from asr.streaming.listening import listen, play
from asr.streaming.microphone import Microphone
from asr.streaming.stream import Partial
from asr.transcript import Word
from tests.support.fake_sounddevice import FakeMicrophone
from tests.support.tone_engine import said, tone_recognizer

RATE = 16_000


@pytest.fixture(scope="module")
def tones() -> Recognizer:
    return tone_recognizer()


def nothing(partial: Partial) -> None:
    """Shown nowhere."""


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 1), (48_000, 2), (16_000, 1), (8000, 2)])
def test_a_microphone_is_taken_as_it_is(
    tones: Recognizer, monkeypatch: pytest.MonkeyPatch, rate: int, channels: int
) -> None:
    mono = soxr.resample(said(0.3, "AB CAD", 0.5), RATE, rate)
    FakeMicrophone(np.stack([mono] * channels, axis=1), rate).install(monkeypatch)
    with Microphone() as microphone:
        began = time.monotonic()
        transcript, _ = listen(tones.stream(), microphone.blocks(), microphone.rate, nothing)
        assert time.monotonic() - began < 30  # the plug is pulled: it ends by itself
    assert transcript.text == "AB CAD"
    assert microphone.lost == 0


def test_two_seconds_after_the_plug_is_pulled_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that only waiting moves."""

    class Nothing:
        def get(self, timeout: float) -> np.ndarray:
            now[0] += timeout
            raise queue.Empty

    now = [100.0]
    FakeMicrophone(np.zeros((800, 1)), RATE).install(monkeypatch)
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with Microphone() as microphone:
        assert len(next(microphone.blocks())) > 0
        monkeypatch.setattr(microphone, "_blocks", Nothing())
        assert all(len(block) == 0 for block in microphone.blocks())
    assert 1 < now[0] - 100 <= 2


def test_what_the_system_dropped_is_counted_and_heard_as_silence(
    tones: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    waveform = said(0.5, "AB", 1.0, "CAD", 0.3)
    FakeMicrophone(waveform[:, None], RATE, lost={20, 21, 22}).install(monkeypatch)  # blocks of 0.05 s
    with Microphone() as microphone:
        transcript, _ = listen(tones.stream(), microphone.blocks(), microphone.rate, nothing)
    assert microphone.lost == pytest.approx(0.15)
    assert transcript.text == "AB CAD"
    assert transcript.duration == pytest.approx(len(waveform) / RATE)
    offline = tones.transcribe(waveform)
    assert transcript.words[1].start == pytest.approx(offline.words[1].start, abs=0.2)


def test_while_a_search_takes_long_nothing_is_lost(tones: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
    waveform = said(0.3, "AB CAD DAB", 0.5)
    FakeMicrophone(waveform[:, None], RATE).install(monkeypatch)
    stream = tones.stream()
    accept = stream.accept

    def slow(samples: Any, rate: int) -> None:
        time.sleep(0.02)
        accept(samples, rate)

    monkeypatch.setattr(stream, "accept", slow)
    with Microphone() as microphone:
        transcript, _ = listen(stream, microphone.blocks(), microphone.rate, nothing)
    assert (transcript.text, microphone.lost) == ("AB CAD DAB", 0)


def test_without_a_microphone_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeMicrophone(np.zeros((1, 1)), RATE, is_missing=True).install(monkeypatch)
    with pytest.raises(AudioError, match="microphone cannot be opened: Error querying device -1; is one plugged in"):
        Microphone()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModuleNotFoundError("no", name="sounddevice"), r"pip install 'recurrent-asr\[listen\]'"),
        (OSError("PortAudio library not found"), "apt install libportaudio2"),
    ],
)
def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, error: Exception, message: str) -> None:
    usual = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "sounddevice":
            raise error
        return usual(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ExtraError, match=message):
        Microphone()


def test_ctrl_c_ends_with_the_text_so_far(tones: Recognizer) -> None:
    waveform = said(0.3, "AB CAD", 0.5)

    num_after = 0

    def endless() -> Iterator[np.ndarray]:
        nonlocal num_after
        yield waveform
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            yield np.zeros(0, np.float32)
            num_after += 1

    usual = signal.getsignal(signal.SIGINT)
    transcript, _ = listen(tones.stream(), endless(), RATE, nothing)
    assert transcript.text == "AB CAD"
    assert num_after == 0  # no further block is waited for, and one comes each 0.1 s at the latest
    assert signal.getsignal(signal.SIGINT) == usual


def test_a_file_is_played_by_the_clock(tones: Recognizer, tmp_path: Path) -> None:
    waveform = said(0.2, "AB", 0.4)
    soundfile.write(tmp_path / "a.wav", waveform, RATE, subtype="FLOAT")
    began, heard, times = time.monotonic(), [], []
    for block in play(tmp_path / "a.wav"):
        heard.append(block)
        times.append(time.monotonic() - began)
    assert np.array_equal(np.concatenate(heard), waveform)
    due = np.cumsum([len(block) for block in heard]) / RATE
    assert all(at >= end - 0.001 for at, end in zip(times, due, strict=True))  # never before it was spoken


def test_changes_are_shown_as_they_come(tones: Recognizer) -> None:
    waveform = said(0.3, "AB CAD", 1.5)
    shown: list[Partial] = []
    blocks = (waveform[start : start + 1600] for start in range(0, len(waveform), 1600))
    transcript, _ = listen(tones.stream(), blocks, RATE, shown.append)
    found = [each.text for each in shown]
    assert found[:2] == ["A", "AB"]
    assert found[-1] == transcript.text == "AB CAD"
    assert all(before != after for before, after in pairwise(shown))
    assert len(shown[-1].endpoints) == 1


def test_delays_are_those_of_words_that_stayed() -> None:
    words = [Word("CAR", 0.0, 0.5, 1.0), Word("PARK", 0.6, 1.0, 1.0)]
    delays = WordDelays()
    assert delays.until_shown(words) is None
    assert delays.until_final(words) is None
    delays.observe(Partial((), "CARP", ()), 0.7)
    delays.observe(Partial((), "CAR", ()), 0.9)
    delays.observe(Partial((words[0],), "PARK", ()), 1.2)
    delays.observe(Partial(tuple(words), "", ()), 3.0)
    shown, final = delays.until_shown(words), delays.until_final(words)
    assert shown is not None
    assert final is not None
    assert shown.median == pytest.approx((0.4 + 0.2) / 2)
    assert final.median == pytest.approx((0.7 + 2.0) / 2)
    assert str(shown) == "300 ms (95 %: 390 ms)"
