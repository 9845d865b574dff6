"""Many clients at once get what each would get alone, whatever else is in their batches."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from asr.errors import AudioError
from asr.longform.recording import PassageResult
from asr.serving.transcriber import CancelledError, Transcriber
from asr.transcript import Transcript
from tests.support.talkative import sound, talkative
from tests.support.toy_engine import say, silence, toy_recognizer

RATE = 16_000


def blocks_of(samples: np.ndarray, size: int = 10_000) -> Iterator[np.ndarray]:
    return (samples[start : start + size] for start in range(0, len(samples), size))


@pytest.fixture
def transcriber() -> Iterator[Transcriber]:
    made = Transcriber(toy_recognizer(), num_threads=2)
    yield made
    made.close()


def test_together_as_alone() -> None:
    """Of one network, in float32: the text to the letter, the times to a millisecond."""
    recognizer = talkative()
    rng = np.random.default_rng(1)
    sounds = [sound(int(rng.integers(2000, 40 * RATE)), seed, level) for seed, level in enumerate([0.5, 0.01] * 6)]
    alone = [recognizer.transcribe(samples) for samples in sounds]
    transcriber = Transcriber(recognizer, num_threads=2)
    with ThreadPoolExecutor(len(sounds)) as clients:
        together = list(clients.map(lambda samples: transcriber.transcribe(blocks_of(samples)), sounds))
    transcriber.close()
    assert [t.text for t in together] == [t.text for t in alone]
    assert all(t.text for t in alone)
    assert [times(t) for t in together] == [pytest.approx(times(t), abs=1e-3) for t in alone]
    assert [t.duration for t in together] == [t.duration for t in alone]


def times(transcript: Transcript) -> list[float]:
    return [time for word in transcript.words for time in (word.start, word.end, word.confidence)]


def test_long_sounds_are_told_part_by_part(transcriber: Transcriber) -> None:
    told: list[PassageResult] = []
    samples = np.concatenate([say("HELLO WORLD"), silence(3), say("NO NO"), silence(70), say("YES")])
    transcript = transcriber.transcribe(blocks_of(samples), on_passage=told.append)
    assert transcript.text == "HELLO WORLD NO NO YES"
    assert [[word.text for word in result.words] for result in told] == [["HELLO", "WORLD"], ["NO", "NO"], ["YES"]]
    assert transcript.duration == len(samples) / RATE


def test_silence_and_nothing_give_no_words(transcriber: Transcriber) -> None:
    for samples in (silence(5), silence(0)):
        assert transcriber.transcribe(blocks_of(samples)).words == ()


def test_a_sound_that_breaks_off_hurts_nobody_else(transcriber: Transcriber) -> None:
    def broken() -> Iterator[np.ndarray]:
        yield from blocks_of(say("HELLO " * 30))
        raise AudioError("broken")

    with ThreadPoolExecutor(2) as clients:
        fails, works = (
            clients.submit(transcriber.transcribe, broken()),
            clients.submit(transcriber.transcribe, blocks_of(say("YES"))),
        )
        assert works.result().text == "YES"
        with pytest.raises(AudioError, match="broken"):
            fails.result()


def test_a_client_that_has_gone_is_served_no_more(transcriber: Transcriber) -> None:
    given = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal given
        for block in blocks_of(np.concatenate([say("HELLO "), silence(2)] * 100)):
            given += 1
            yield block

    with pytest.raises(CancelledError):
        transcriber.transcribe(counted(), is_wanted=lambda: given < 80)
    assert given < 200
    assert transcriber.transcribe(blocks_of(say("YES"))).text == "YES"


def test_hot_words_are_those_of_one_client(transcriber: Transcriber) -> None:
    other = toy_recognizer().with_hotwords({"HELLO": 5.0})
    with ThreadPoolExecutor(2) as clients:
        found = [
            clients.submit(transcriber.transcribe, blocks_of(say("HELLO")), recognizer=recognizer)
            for recognizer in (other, None)
        ]
        assert [future.result().text for future in found] == ["HELLO", "HELLO"]
