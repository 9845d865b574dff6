"""Streams of a recogniser that hears tones: what is final when, end-points, pauses, threads, and refusals."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from asr.errors import AudioError, SettingsError
from asr.recognizer import Recognizer
from asr.search import SearchSettings
from asr.streaming.stream import Partial, advance
from asr.transcript import Transcript
from tests.support.talkative import sound, talkative
from tests.support.tone_engine import ToneEngine, said, tone_recognizer
from tests.support.tones import word_times

RATE = 16_000
Waveform = npt.NDArray[np.float32]


@pytest.fixture(scope="module", params=["beam", "greedy"])
def tones(request: pytest.FixtureRequest) -> Recognizer:
    return tone_recognizer(str(request.param))


def run(
    recognizer: Recognizer, waveform: Waveform, seconds: float = 0.1, **settings: Any
) -> tuple[Transcript, list[Partial]]:
    """The transcript, and what is understood after each piece of so many seconds."""
    stream = recognizer.stream(**settings)
    size = round(seconds * RATE)
    partials = []
    for start in range(0, len(waveform), size):
        stream.accept(waveform[start : start + size], RATE)
        partials.append(stream.partial())
    return stream.finish(), partials


def texts(words: Sequence[Any]) -> list[str]:
    return [word.text for word in words]


@pytest.mark.parametrize("lookahead", [0.0, 0.3, 0.6, 5.0])
@pytest.mark.parametrize("seconds", [0.1, 0.33, 1.4])
def test_the_last_word_comes_though_speech_goes_up_to_the_last_sample(
    tones: Recognizer, lookahead: float, seconds: float
) -> None:
    waveform = said(0.2, "AB CAD BACA")[: -round(0.09 * RATE)]  # the last tone is cut, and no silence follows
    transcript, _ = run(tones, waveform, seconds, lookahead=lookahead)
    assert transcript.text == "AB CAD BACA" == tones.transcribe(waveform).text
    assert transcript.words[-1].end <= transcript.duration == len(waveform) / RATE


def test_twenty_sentences_keep_their_first_words_and_an_end_point_wipes_nothing(tones: Recognizer) -> None:
    sentence, pause = "DA BAC", 0.8
    parts: list[str | float] = [part for _ in range(20) for part in (sentence, pause)]
    waveform = said(0.5, *parts)
    transcript, partials = run(tones, waveform, 0.25)
    assert transcript.text == " ".join([sentence] * 20)
    assert len(partials[-1].endpoints) in {19, 20}  # the last pause may be too short, less the look-ahead
    assert [len(segment.words) for segment in transcript.segments] == [2] * 20
    without, _ = run(tones, waveform, 0.25, pause=1000.0)
    assert texts(without.words) == texts(transcript.words)


@pytest.mark.parametrize("gap", [1.0, 3.6])
@pytest.mark.parametrize("lookahead", [0.2, 0.6])
def test_what_is_between_two_pauses_is_heard_as_if_it_were_alone(gap: float, lookahead: float) -> None:
    recognizer = talkative(num_layers=2)
    waveforms = [sound(3 * RATE, 1, 0.1), sound(4 * RATE, 2, 0.04), sound(2 * RATE, 3, 0.09)]  # and not alike in level
    silence = np.zeros(round(gap * RATE), np.float32)
    joined = np.concatenate([silence, *(part for each in waveforms for part in (each, silence))])
    found, _ = run(recognizer, joined, 0.1, lookahead=lookahead)
    expected, start = [], 0.0
    for waveform in waveforms:
        alone, _ = run(recognizer, np.concatenate([silence, waveform, silence]), 10.0, lookahead=lookahead)
        assert len(alone.text) >= 10
        expected += [(word.text, word.start + start, word.end + start) for word in alone.words]
        start += gap + len(waveform) / RATE
    assert texts(found.words) == [text for text, _, _ in expected]
    for word, (_, begin, end) in zip(found.words, expected, strict=True):
        assert (word.start, word.end) == pytest.approx((begin, end), abs=0.02)


def test_a_pause_inside_a_sentence_and_a_word_that_begins_like_the_last(tones: Recognizer) -> None:
    transcript, _ = run(tones, said(0.3, "CAB", 0.8, "CABBAD AB"))
    assert transcript.text == "CAB CABBAD AB"


def test_final_words_never_change_and_come_in_time(tones: Recognizer) -> None:
    rng = np.random.default_rng(3)
    words = ["".join(rng.choice(list("ABCD"), rng.integers(1, 4))) for _ in range(60)]
    waveform = said(0.1, " ".join(words))
    lookahead, chunk, limit = 0.3, 0.4, 1.0
    transcript, partials = run(tones, waveform, 0.1, lookahead=lookahead, chunk=chunk, limit=limit)
    assert texts(transcript.words) == words
    times = [(0.1 + start, 0.1 + end) for start, end in word_times(" ".join(words))]
    for number, (before, after) in enumerate(pairwise(partials), start=2):
        assert after.final[: len(before.final)] == before.final
        heard = number * 0.1
        ended = sum(end < heard - lookahead - 0.1 for _, end in times)
        assert after.text.split()[:ended] == words[:ended]  # all but the look-ahead is covered
        due = sum(end < heard - lookahead - chunk - limit - 0.1 for _, end in times)
        assert len(after.final) >= due
        early = sum(start < heard - lookahead - limit for start, _ in times)
        assert len(after.final) <= early
    assert transcript.words[: len(partials[-1].final)] == partials[-1].final


def test_words_have_the_times_and_confidences_of_the_offline_pass(tones: Recognizer) -> None:
    waveform = said(0.5, "AB CAD", 0.9, "DAB B", 3.0, "CC", 0.3, "A BAD")
    transcript, offline = run(tones, waveform)[0], tones.transcribe(waveform)
    assert texts(transcript.words) == texts(offline.words)
    for found, expected in zip(transcript.words, offline.words, strict=True):
        assert found.start == pytest.approx(expected.start, abs=0.021)
        assert found.end == pytest.approx(expected.end, abs=0.021)
        assert found.confidence == pytest.approx(expected.confidence, abs=0.01)
    assert [s.text for s in transcript.segments] == [s.text for s in offline.segments]
    for before, after in pairwise(transcript.words):
        assert before.start < before.end <= after.start


@pytest.mark.parametrize("word", ["A", "B", "C", "D"])
def test_a_short_word_after_seconds_of_noise_is_there(tones: Recognizer, word: str) -> None:
    waveform = said(3.0, word, 0.4)
    transcript, offline = run(tones, waveform)[0], tones.transcribe(waveform)
    assert transcript.text == word == offline.text
    assert transcript.words[0].start == pytest.approx(offline.words[0].start, abs=0.03)


@pytest.mark.parametrize("kind", ["zeros", "noise"])
def test_a_minute_without_a_word_has_no_finals_and_no_end_points(tones: Recognizer, kind: str) -> None:
    waveform = np.zeros(60 * RATE, np.float32) if kind == "zeros" else said(60.0)
    transcript, partials = run(tones, waveform, 5.0)
    assert (transcript.segments, transcript.duration) == ((), 60.0)
    assert {(each.text, each.endpoints) for each in partials} == {("", ())}


def test_silence_is_no_text_whatever_the_weights_say() -> None:
    recognizer = talkative()
    quiet = 5e-5 * sound(3 * RATE) + 0.2
    transcript, partials = run(recognizer, quiet.astype(np.float32))
    assert transcript.text == "" == recognizer.transcribe(quiet).text
    assert all(not each.text for each in partials)
    assert run(recognizer, sound(RATE))[0].text


def test_two_minutes_without_a_pause_are_not_cut(tones: Recognizer) -> None:
    words = ["ABAB", "CADA", "DDAB"] * 62
    waveform = said(" ".join(words))
    assert len(waveform) > 120 * RATE
    transcript, partials = run(tones, waveform, 2.0)
    assert texts(transcript.words) == words
    assert partials[-1].endpoints == ()


@pytest.mark.parametrize("search", ["greedy", "beam"])
def test_neither_the_pieces_nor_questions_in_between_change_anything(search: str) -> None:
    recognizer = talkative(search=SearchSettings.parse({"method": search, "beam_width": 8}, source=""), num_layers=2)
    waveform = sound(5 * RATE)
    expected, _ = run(recognizer, waveform, 10.0, limit=0.5)
    assert len(expected.words) >= 5
    for size in (37, 1600, 30_000):
        stream = recognizer.stream(limit=0.5)
        for start in range(0, len(waveform), size):
            stream.accept(waveform[start : start + size], RATE)
            if size > 1000:
                stream.partial()
        found = stream.finish()
        assert texts(found.words) == texts(expected.words)
        for ours, theirs in zip(found.words, expected.words, strict=True):
            assert (ours.start, ours.end) == pytest.approx((theirs.start, theirs.end))


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_where_the_look_ahead_covers_all_a_stream_is_the_offline_pass(kind: str) -> None:
    recognizer = talkative(num_layers=2, recurrence={"kind": kind})
    for num_samples in (1, 159, 4000, 50_001):
        waveform = sound(num_samples)
        found, _ = run(recognizer, waveform, 0.5, lookahead=10.0, limit=100.0, pause=100.0)
        assert found.text == recognizer.transcribe(waveform).text


def test_streams_of_one_recogniser_know_nothing_of_each_other(tones: Recognizer) -> None:
    first, second = said(0.2, "AB CAD"), said(0.2, "DD B")
    alone = [run(tones, each)[0] for each in (first, second)]
    streams = [tones.stream(), tones.stream()]
    for start in range(0, len(first), 1600):
        for stream, waveform in zip(streams, (first, second), strict=True):
            stream.accept(waveform[start : start + 1600], RATE)
    assert [stream.finish() for stream in streams] == alone
    assert run(tones, second)[0] == alone[1]  # from time 0


def test_sixteen_threads_are_as_one_after_the_other() -> None:
    recognizer = talkative(search=SearchSettings(method="beam", beam_width=4))
    waveforms = [sound(2 * RATE, seed) for seed in range(16)]
    expected = [run(recognizer, each)[0].text for each in waveforms]
    with ThreadPoolExecutor(16) as pool:
        assert [found.text for found, _ in pool.map(lambda each: run(recognizer, each), waveforms)] == expected
    assert len(set(expected)) == 16


def test_one_stream_used_by_many_threads_hears_every_sample(tones: Recognizer) -> None:
    stream = tones.stream()

    def use(_: int) -> Partial:
        stream.accept(np.zeros(1000, np.float32), RATE)
        return stream.partial()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(64)))
    assert stream.finish().duration == 4.0


def test_many_streams_share_the_calls_of_the_network() -> None:
    recognizer = tone_recognizer()
    engine = recognizer.engine
    assert isinstance(engine, ToneEngine)
    before = said("ABCD" * 6)  # after it the mean rests on enough speech, so no chunk waits
    waveforms = [np.concatenate([before, said(0.1, "D" * number, seed=number)]) for number in range(12)]
    streams = [recognizer.stream() for _ in waveforms]
    for stream in streams:
        stream.accept(before, RATE)
    engine.calls.clear()
    for stream, waveform in zip(streams, waveforms, strict=True):
        stream.push(waveform[len(before) :], RATE)
    advance(streams)
    # The chunk of 0.64 s that is the next one, 0.6 s of look-ahead, and what subsampling and window reach beyond.
    num_done = int((len(before) / RATE - 0.63) // 0.64)
    end = 0.64 * (num_done + 1) + 0.63
    expected = sum(len(waveform) >= end * RATE for waveform in waveforms)
    assert engine.calls[0] == max(engine.calls) == expected
    assert 4 <= expected < 12
    assert len(engine.calls) <= 4
    other = recognizer.stream(chunk=0.3)
    other.push(waveforms[0], RATE)
    advance([other, *streams])
    expected_texts = [f"{'ABCD' * 6} {'D' * number}".strip() for number in (0, *range(12))]
    assert [stream.finish().text for stream in [other, *streams]] == expected_texts


def test_what_makes_no_sense_is_refused_and_nothing_is_lost(tones: Recognizer) -> None:
    with pytest.raises(SettingsError, match=r"stream: lookahead: .*found -1"):
        tones.stream(lookahead=-1.0)
    assert tones.stream().finish() == Transcript((), 0.0, 0.0)
    waveform = said(0.2, "AB CAD")
    stream = tones.stream()
    assert stream.partial() == Partial((), "", ())
    stream.accept(waveform[:0], RATE)
    stream.accept(waveform[:8000], RATE)
    for samples, rate, message in [
        (waveform, 8000, "stream is at 16000 Hz, found samples at 8000 Hz"),
        (np.full(10, np.nan), RATE, r"sample 8000, at 0.500 s, is NaN or infinite"),
        (np.zeros((2, 2, 2)), RATE, r"array of shape \(2, 2, 2\), expected bytes"),
        ("AB", RATE, "found str, expected bytes"),
        (np.zeros(3, complex), RATE, "samples of type complex128"),
        (waveform, 0, "sample_rate is 0"),
    ]:
        with pytest.raises(AudioError, match=message):
            stream.accept(samples, rate)
    stream.accept(waveform[8000:], RATE)
    transcript = stream.finish()
    assert transcript.text == "AB CAD"
    assert stream.finish() is transcript
    assert stream.partial() == Partial(transcript.words, "", ())
    with pytest.raises(AudioError, match="the stream is finished; open another one"):
        stream.accept(waveform, RATE)
