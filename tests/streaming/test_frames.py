"""Log-mel frames of a stream against those of the whole sound, and what the chunks are made of."""

import numpy as np
import pytest

from asr.alignment.pauses import PauseStream
from asr.engine import Engine
from asr.model_settings import ModelSettings, frames_for
from asr.normalisation import normalised, running_mean
from asr.speech_mean import SpeechMean
from asr.streaming.frames import ChunkSource, LogMelStream
from tests.support.talkative import sound, talkative


def engine(**features: float) -> Engine:
    settings = ModelSettings.parse({"features": features}, source="")
    return talkative(features=settings.features).engine


@pytest.mark.parametrize("features", [{}, {"hop_ms": 12.5}, {"window_ms": 60.0, "hop_ms": 15.0}, {"window_ms": 20.0}])
@pytest.mark.parametrize("size", [33, 1000, 20_000])
def test_frames_in_pieces_are_those_of_the_whole(features: dict[str, float], size: int) -> None:
    model, waveform = engine(**features), sound(12_345)
    stream, frames, samples = LogMelStream(model), [], []
    for start in range(0, len(waveform), size):
        stream.push(waveform[start : start + size])
        if (ready := stream.num_ready()) > 2:
            found, new = stream.take(ready - 1)
            frames.append(found)
            samples.append(new)
    found, new = stream.take(stream.num_ready(at_end=True))
    whole = model.log_mel(waveform)
    assert sum(map(len, frames)) + len(found) == len(whole)
    np.testing.assert_allclose(np.concatenate([*frames, found]), whole, rtol=0, atol=2e-3)
    assert np.array_equal(np.concatenate([*samples, new]), waveform)  # each sample once, in order
    assert stream.num_ready(at_end=True) == 0


def test_a_chunk_is_normalised_by_a_second_of_speech_or_by_all_that_was_heard_up_to_its_look_ahead() -> None:
    model, waveform = engine(), sound(40_000)
    source, settings = ChunkSource(model, size=5, lookahead=4, pauses=PauseStream(sample_rate=16_000)), model.settings
    source.push(waveform)
    whole, needed, heard = model.log_mel(waveform), frames_for(4, 9), 0
    for number in range(6):
        found = source.next_chunk()
        assert found is not None
        mean = running_mean(settings.features, 16_000)
        known = next(
            n for n in range(max(heard, 40, 20 * number + needed), 250, 10) if speech_frames(model, whole[:n]) >= 100
        )
        heard = known
        mean.accept(whole[:known])
        expected = normalised(whole[20 * number : 20 * number + needed], mean.mean(), settings.features)
        np.testing.assert_allclose(found.frames, expected, rtol=0, atol=2e-3)
        assert (found.size, found.is_last, found.is_silent) == (5, False, False)
        source.use_up(found, source.state)


def test_zeros_before_the_first_sound_are_silent_but_for_their_edge() -> None:
    model = engine()
    waveform = np.concatenate([np.zeros(16_000, np.float32), sound(32_000)])
    source = ChunkSource(model, size=5, lookahead=0, pauses=PauseStream(sample_rate=16_000))
    source.push(waveform)
    chunks = []
    while found := source.next_chunk():
        chunks.append(found)
        source.use_up(found, source.state)
    num_silent = sum(chunk.size for chunk in chunks if chunk.is_silent)
    assert num_silent in {15, 16, 17}  # of 0.04 s; the rest up to the sound at 1 s, 0.3 s or a step more, is its edge
    silent = [chunk.is_silent for chunk in chunks]
    assert silent == sorted(silent, reverse=True)
    first = next(chunk for chunk in chunks if not chunk.is_silent)
    assert (first.frames[:20] == -3).all()
    assert (first.frames.max(axis=1) > 0).any() or len(first.frames) < 30


def speech_frames(model: Engine, frames: np.ndarray) -> float:
    mean = running_mean(model.settings.features, 16_000)
    assert isinstance(mean, SpeechMean)
    mean.accept(frames)
    return mean.num_frames
