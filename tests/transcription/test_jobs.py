"""Files in one call: their channels, broken ones, and that each result is that of the file alone."""

import copy
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.errors import AudioError, AudioWarning
from asr.longform import pipeline
from asr.transcription.jobs import ChannelChoice, Progress, transcribe_files
from tests.support.talkative import sound, talkative
from tests.support.toy_engine import say, toy_recognizer

RATE = 16_000
LEFT, RIGHT = say("HELLO WORLD"), say("YES NO YES ")


def told(file: Path, channels: ChannelChoice) -> list[tuple[int, str]]:
    """The channels of a file and their texts."""
    (result,) = transcribe_files(toy_recognizer(), [file], channels=channels)
    assert isinstance(result.outcome, tuple), result.outcome
    assert all(transcript.source == str(file) for transcript in result.outcome)
    return [(transcript.channel, transcript.text) for transcript in result.outcome]


def stereo(path: Path, *channels: np.ndarray) -> Path:
    soundfile.write(path, np.stack(channels, axis=1), RATE, subtype="FLOAT")
    return path


def test_a_speaker_a_channel(tmp_path: Path) -> None:
    file = stereo(tmp_path / "a.wav", LEFT, RIGHT)
    assert told(file, "each") == [(1, "HELLO WORLD"), (2, "YES NO YES")]
    assert told(file, 2) == [(2, "YES NO YES")]
    assert told(file, 1) == [(1, "HELLO WORLD")]


@pytest.mark.parametrize("second", [LEFT, -LEFT, 0.2 * LEFT], ids=["same", "opposite", "quieter"])
def test_a_doubled_channel_gives_its_text_once_and_that_is_said(tmp_path: Path, second: np.ndarray) -> None:
    file = stereo(tmp_path / "a.wav", RIGHT, LEFT, second)
    with pytest.warns(AudioWarning, match="channel 3 holds the same as channel 2"):
        assert told(file, "each") == [(1, "YES NO YES"), (2, "HELLO WORLD")]


def test_a_dead_channel_has_no_text(tmp_path: Path) -> None:
    silent = np.zeros_like(LEFT)
    assert told(stereo(tmp_path / "a.wav", silent, LEFT, silent), "each") == [(1, ""), (2, "HELLO WORLD"), (3, "")]


def test_mono_has_one_channel(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", LEFT, RATE)
    assert told(tmp_path / "a.wav", "each") == told(tmp_path / "a.wav", "mix") == [(1, "HELLO WORLD")]


def test_broken_files_are_named_in_their_place(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.wav" for number in range(6)]
    for file in files:
        soundfile.write(file, np.concatenate([LEFT, RIGHT[: RATE // 4]]), RATE)
    files[2].write_bytes(files[2].read_bytes()[:20_000])
    files[4].unlink()
    news: list[Progress] = []
    results = list(transcribe_files(toy_recognizer(), files, progress=news.append))
    assert [result.source for result in results] == files
    for number, result in enumerate(results):
        if number in (2, 4):
            assert isinstance(result.outcome, AudioError)
            assert files[number].name in str(result.outcome)
        else:
            assert isinstance(result.outcome, tuple)
            assert result.outcome[0].text == toy_recognizer().transcribe(files[number]).text != ""
    assert {item.source for item in news} == {files[number] for number in (0, 1, 3, 5)}


def test_a_channel_that_is_not_there(tmp_path: Path) -> None:
    file = stereo(tmp_path / "a.wav", LEFT, RIGHT)
    (result,) = transcribe_files(toy_recognizer(), [file], channels=3)
    assert str(result.outcome) == f"{file}: has no channel 3; it has channels 1 to 2"
    (result,) = transcribe_files(toy_recognizer(), [tmp_path / "b.wav"], channels="each")
    assert "no such file" in str(result.outcome)


def test_in_batches_each_is_as_alone_and_nothing_changes_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve files in batches of about four, 1 s beside 20 s: texts, times and confidences."""
    monkeypatch.setattr(pipeline, "_BATCH_SECONDS", 8.0)
    monkeypatch.setattr(pipeline, "_POOL_SECONDS", 30.0)
    recognizer, files = talkative(), [tmp_path / f"{number}.wav" for number in range(12)]
    for number, file in enumerate(files):
        soundfile.write(file, sound((20 if number == 5 else 1) * RATE, seed=number), RATE)
    found, at_once = [], []
    for result in transcribe_files(recognizer, files):
        found.append(result)
        at_once.append(copy.deepcopy(result))
    assert found == at_once
    for file, result in zip(files, found, strict=True):
        assert isinstance(result.outcome, tuple)
        (transcript,), alone = result.outcome, recognizer.transcribe(file)
        assert transcript.text == alone.text != ""
        for word, same in zip(transcript.words, alone.words, strict=True):
            assert (word.text, word.start, word.end) == (same.text, same.start, same.end)
            assert word.confidence == pytest.approx(same.confidence, abs=1e-3)
