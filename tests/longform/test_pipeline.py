"""Recordings of any length and number -> transcripts, by a toy network whose hearing is known."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from asr.errors import AudioError, SearchError
from asr.longform import pipeline
from asr.longform.passages import Passage
from asr.longform.pipeline import Recording, transcribe_recordings
from asr.longform.recording import PassageResult, UtteranceRecognizer, transcribe_passage
from asr.model_folder import ModelParts
from asr.recognizer import Recognizer
from asr.search import SearchSettings
from asr.transcript import Transcript
from tests.support.talkative import sound, talkative
from tests.support.toy_engine import STEP, ToyEngine, frequency, say, silence, toy_recognizer

RATE = 16_000
LETTER = 0.16  # seconds that `say` takes


def heard(samples: np.ndarray, *, reach: int = 0) -> Transcript:
    return toy_recognizer(reach=reach).transcribe(samples)


def test_words_keep_their_times_beside_any_silence() -> None:
    parts = [silence(0.3), say("HELLO WORLD"), silence(1.0), say("NO NO NO NO"), silence(75), say("YES"), silence(30)]
    transcript = heard(np.concatenate([*parts, say("END")]))
    assert transcript.text == "HELLO WORLD NO NO NO NO YES END"
    times = [(word.start, word.end) for word in transcript.words[-2:]]
    assert times[0] == pytest.approx((79.82, 80.22), abs=0.04)
    assert times[1] == pytest.approx((110.3, 110.7), abs=0.04)
    assert [segment.text for segment in transcript.segments] == ["HELLO WORLD", "NO NO NO NO", "YES", "END"]


@pytest.mark.parametrize(
    "search", [SearchSettings(), SearchSettings(method="beam", beam_width=8)], ids=lambda s: s.method
)
def test_the_text_is_the_same_wherever_the_seam_falls(search: SearchSettings) -> None:
    """The first letter is held longer and longer, so that the seam of two windows, at 13 s, moves over all of one
    phrase: over NO NO NO NO and the LL of HELLO. The network errs in the 5 rows at the ends of what it hears.
    """
    recognizer = toy_recognizer(reach=5, search=search)
    phrases = "HELLO NO NO NO NO " * 9
    for step in range(0, 290, 10 if search.method == "greedy" else 97):  # hundredths of a second
        time = np.arange(3200 + 160 * step) / RATE
        held = (0.3 * np.sin(2 * np.pi * frequency("A") * time)).astype(np.float32)
        found = recognizer.transcribe(np.concatenate([held, say(" " + phrases + "B"), say("A")])).text
        assert found.split()[1:-1] == phrases.split(), step


def test_minutes_without_a_pause_are_searched_in_parts_and_do_not_drift() -> None:
    phrase = "HELLO WORLD NO NO NO "
    transcript = heard(np.concatenate([silence(0.3), say(phrase * 60)]))
    assert transcript.text == " ".join([phrase.strip()] * 60)
    starts = np.array([word.start for word in transcript.words]).reshape(60, 5)
    expected = 0.3 + LETTER * len(phrase) * np.arange(60)[:, None] + LETTER * np.array([0, 6, 12, 15, 18])
    late = starts - expected  # a word begins before its first letter, half way to the one before
    assert np.abs(late).max() < LETTER + STEP / RATE
    assert np.ptp(late[:, 1:]) < STEP / RATE
    assert all(word.end <= later.start for word, later in pairwise(transcript.words))
    assert all(word.end > word.start for word in transcript.words)


def test_no_drift_over_repetitions() -> None:
    part = np.concatenate(
        [say("HELLO WORLD"), silence(0.5), say("NO NO NO NO " * 15), silence(2.0), say("YES"), silence(7)]
    )
    transcript = heard(np.concatenate([part] * 10))
    words = np.array([(word.start, word.end) for word in transcript.words]).reshape(10, -1, 2)
    for number in range(2, 10):
        shifted = words[number] - (number - 1) * len(part) / RATE
        assert np.abs(shifted - words[1]).max() <= STEP / RATE
    assert [word.text for word in transcript.words] == [word.text for word in transcript.words[: len(words[0])]] * 10


def test_a_word_at_each_full_minute_is_where_it_is_said() -> None:
    """Whether windows or pauses fill the minute: a window starts where its samples start."""
    minutes = []
    for number in range(8):
        talk = say("MARK " + "NO NO NO " * (3 if number % 2 else 36))  # 5 s, or 52 s without a pause
        minutes.append(np.concatenate([talk, silence(60 - len(talk) / RATE, seed=number)]))
    transcript = heard(np.concatenate(minutes))
    starts = [word.start for word in transcript.words if word.text == "MARK"]
    assert starts == pytest.approx([60 * number for number in range(8)], abs=0.05)


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 192_000])
def test_times_do_not_depend_on_the_sample_rate(tmp_path: Path, rate: int) -> None:
    """Of letters below the 4 kHz that all these rates can hold; no word ends after the file."""
    parts = [silence(0.37), say("BAD CAFE"), silence(1.0), say("HEAD DEAF "), say("FACE")[:-1280]]
    samples = np.concatenate(parts)
    soundfile.write(tmp_path / "a.wav", soxr.resample(samples, RATE, rate, quality="VHQ"), rate, subtype="FLOAT")
    expected, found = heard(samples), toy_recognizer().transcribe(tmp_path / "a.wav")
    assert found.text == expected.text == "BAD CAFE HEAD DEAF FACE"
    times, reference = ([(w.start, w.end) for w in each.words] for each in (found, expected))
    np.testing.assert_allclose(times, reference, atol=0.02)
    assert found.words[-1].end <= found.duration == pytest.approx(len(samples) / RATE, abs=1e-3)


def failing() -> Iterator[np.ndarray]:
    yield say("HELLO ")
    raise AudioError("broken.wav: truncated")


def test_many_recordings_come_in_order_each_as_alone_and_a_broken_one_stops_none() -> None:
    recognizer = talkative()
    lengths = [8000, 16_000, 100, 40_000, 3 * RATE, 20 * RATE]
    sounds = [sound(n, seed) for seed, n in enumerate(lengths * 2)]
    recordings = [Recording([samples], str(number)) for number, samples in enumerate(sounds)]
    recordings.insert(3, Recording(failing(), "broken"))
    outcomes = list(transcribe_recordings(recognizer, recordings))
    assert isinstance(outcomes.pop(3), AudioError)
    for number, (outcome, samples) in enumerate(zip(outcomes, sounds, strict=True)):
        assert isinstance(outcome, Transcript)
        alone = recognizer.transcribe(samples)
        assert outcome.source == str(number)
        assert outcome.text == alone.text != ""
        assert outcome.score == pytest.approx(alone.score, abs=1e-3)
        assert [(w.start, w.end) for w in outcome.words] == [(w.start, w.end) for w in alone.words]


def test_an_utterance_without_a_pause_is_recognised_as_in_one_pass() -> None:
    recognizer = talkative()
    samples = sound(5 * RATE)
    (one_pass,) = recognizer.transcribe_batch([samples])
    found = recognizer.transcribe(samples)
    assert replace(found, score=0.0) == replace(one_pass, score=0.0)
    assert found.score == pytest.approx(one_pass.score)


def test_a_long_recording_pads_nobody_and_little_is_read_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_POOL_SECONDS", 120.0)
    monkeypatch.setattr(pipeline, "_AHEAD_SECONDS", 60.0)
    recognizer = toy_recognizer()
    long_one = [np.concatenate([say("HELLO WORLD " * 10), silence(0.5)])] * 5
    num_read = 0

    def recordings() -> Iterator[Recording]:
        nonlocal num_read
        for number in range(450):
            num_read += 1
            yield Recording(long_one if number == 20 else [say("YES NO")], str(number))

    outcomes = transcribe_recordings(recognizer, recordings())
    for _ in range(21):
        next(outcomes)
    assert num_read < 350
    rest = list(outcomes)
    assert len(rest) == 429
    assert all(isinstance(outcome, Transcript) and outcome.text == "YES NO" for outcome in rest)
    engine = recognizer.engine
    assert isinstance(engine, ToyEngine)
    used, padded = (
        sum(map(sum, engine.batches)),
        sum(len(batch) * max(batch) for batch in engine.batches),
    )
    assert padded < 1.2 * used
    assert max(len(batch) * max(batch) for batch in engine.batches) <= 30 * RATE


def test_passages_that_wait_for_the_search_are_bounded_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pauses a passage has up to a minute of sound: as many of them as of words would be hours."""
    waiting, most = 0, 0

    def slow(recognizer: UtteranceRecognizer, passage: Passage) -> PassageResult:
        nonlocal waiting
        result = transcribe_passage(recognizer, passage)
        waiting -= len(passage.samples)
        return result

    class Submitting(ThreadPoolExecutor):
        def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
            nonlocal waiting, most
            if function is slow:
                waiting += len(arguments[1].samples)
                most = max(most, waiting)
            return super().submit(function, *arguments, **options)

    monkeypatch.setattr(pipeline, "ThreadPoolExecutor", Submitting)
    monkeypatch.setattr(pipeline, "transcribe_passage", slow)
    monkeypatch.setattr(pipeline, "num_threads", lambda: 1)
    samples = say("HELLO WORLD NO NO NO " * 120)  # seven minutes
    (transcript,) = transcribe_recordings(toy_recognizer(), [Recording([samples])])
    assert isinstance(transcript, Transcript)
    assert len(transcript.words) == 5 * 120
    assert most <= (120 + 60) * RATE


def test_nothing_said_and_nothing_at_all() -> None:
    for samples in (np.zeros(0, np.float32), np.zeros(1, np.float32), np.zeros(200 * RATE, np.float32)):
        assert heard(samples) == Transcript((), len(samples) / RATE, 0.0)


def test_progress_tells_of_each_word_once() -> None:
    told = []
    samples = np.concatenate([say("HELLO WORLD"), silence(1.0)] * 5)
    (whole,) = transcribe_recordings(
        toy_recognizer(), [Recording([samples], "a")], progress=lambda *news: told.append(news)
    )
    assert isinstance(whole, Transcript)
    assert tuple(word for _, result in told for word in result.words) == whole.words
    ends = [result.end for _, result in told]
    assert ends == sorted(ends)
    assert {recording.source for recording, _ in told} == {"a"}


class Failing(ToyEngine):
    """It cannot hear a sound of a certain length, and gives rows that are no probabilities for another."""

    def log_probs(self, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
        if any(len(waveform) == 20_000 for waveform in waveforms):
            raise SearchError("cannot be heard")
        rows = super().log_probs(waveforms)
        return [np.full_like(row, np.nan) if len(row) > 22 else row for row in rows]


def test_an_error_in_network_or_search_concerns_its_own_recording_only() -> None:
    tokens = toy_recognizer().tokens
    recognizer = Recognizer(ModelParts(Failing(tokens), tokens, SearchSettings(method="beam", beam_width=4)))
    good = say("HELLO")
    sounds = [good, say("YES NO YES NO")[:20_000], good, say("YES NO")[:16_300], good]
    outcomes = list(transcribe_recordings(recognizer, [Recording([samples]) for samples in sounds]))
    assert [outcome.text for outcome in outcomes if isinstance(outcome, Transcript)] == ["HELLO"] * 3
    assert [str(outcomes[1]), type(outcomes[3])] == ["cannot be heard", SearchError]


def long_talk() -> np.ndarray:
    """Pauses, and three minutes without any, which are searched in parts."""
    return np.concatenate(
        [silence(2), say("HELLO WORLD"), silence(3), say("NO NO NO " * 120), silence(0.5), say("YES"), silence(20)]
    )


def test_what_is_known_is_not_heard_again_and_the_result_is_the_same() -> None:
    """Wherever the first run was stopped."""
    samples, first_run = long_talk(), list[PassageResult]()
    (whole,) = transcribe_recordings(
        toy_recognizer(reach=5), [Recording([samples])], progress=lambda _, result: first_run.append(result)
    )
    assert len(first_run) > 5
    for number in range(len(first_run) + 1):
        recognizer, news = toy_recognizer(reach=5), list[PassageResult]()
        (again,) = transcribe_recordings(
            recognizer,
            [Recording([samples], known=first_run[:number])],
            progress=lambda _, result: news.append(result),  # noqa: B023
        )
        assert again == whole
        assert news == first_run[number:]
        assert isinstance(recognizer.engine, ToyEngine)
        num_heard = sum(map(sum, recognizer.engine.batches))
        num_left = sum(result.end - result.start for result in news)
        assert num_heard <= (num_left * 15 / 11 + 20 * RATE if news else 0)  # with overlaps
