"""How far a run is: the rest is judged by what is done, of each kind of file."""

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import soundfile

from asr.formats.document import Document
from asr.longform.recording import PassageResult
from asr.transcript import Transcript
from asr.transcription.inputs import Recording
from asr.transcription.jobs import Progress as News
from asr.transcription.outcomes import Outcome
from asr.transcription.progress import Progress


def recording(path: Path, size: int) -> Recording:
    path.write_bytes(bytes(size))
    return Recording(path.name, path.stem, PurePosixPath(path.stem), path.suffix, path)


def done(recording: Recording, seconds: float) -> Outcome:
    return Outcome(recording, Document(recording.id, (Transcript((), seconds, 0.0),)))


def test_the_rest_is_judged_by_bytes_of_the_same_ending_and_the_speed_so_far(tmp_path: Path) -> None:
    """An mp3 has a tenth of the bytes of a wav for the same time."""
    time = [100.0]
    sizes = {"a.wav": 3000, "b.wav": 6000, "c.mp3": 300, "d.mp3": 600, "e.ogg": 660}
    files = {name: recording(tmp_path / name, size) for name, size in sizes.items()}
    progress = Progress(files.values(), 500, clock=lambda: time[0])
    assert (progress.num_done, progress.num_files) == (500, 505)
    assert progress.seconds_left is None
    time[0] += 2
    progress.add(done(files["a.wav"], 30.0))
    progress.add(done(files["c.mp3"], 30.0))
    assert progress.speed == pytest.approx(30)
    # 60 s in each of the two; the ogg by the mean of both, 60 s in 3300 bytes.
    assert progress.seconds_left == pytest.approx((60 + 60 + 12) / 30)
    assert str(progress) == "502 of 505 files, 0:01:00 of sound, 30 x as fast as it plays, 0:00:04 left"
    progress.add(Outcome(files["b.wav"], "it is broken"))
    assert progress.seconds_left == pytest.approx((60 + 12) / 30)
    progress.add(done(files["d.mp3"], 60.0))
    progress.add(done(files["e.ogg"], 10.0))
    assert progress.seconds_left == 0
    assert progress.num_done == progress.num_files == 505


def test_what_has_no_size_is_no_error(tmp_path: Path) -> None:
    stdin = Recording("stdin", "stdin", PurePosixPath("stdin"), "", None)
    gone = Recording("gone", "gone", PurePosixPath("gone"), "", tmp_path / "gone")
    progress = Progress([stdin, gone], 0)
    progress.add(done(stdin, 10.0))
    assert progress.seconds_left is None
    assert str(progress).startswith("1 of 2 files, 0:00:10 of sound, ")


def test_only_what_is_known_is_told() -> None:
    time = [0.0]
    files = [Recording(name, name, PurePosixPath(name), "", None) for name in ("a", "b")]
    progress = Progress(files, 3, clock=lambda: time[0])
    assert str(progress) == "3 of 5 files, 0:00:00 of sound"
    time[0] = 40.0
    progress.add(done(files[0], 10.0))
    assert str(progress) == "4 of 5 files, 0:00:10 of sound, 0.2 x as fast as it plays"
    progress.add(done(files[1], 990.0))
    assert str(progress) == "5 of 5 files, 0:16:40 of sound, 25 x as fast as it plays"


def test_the_bar_moves_within_a_long_recording(tmp_path: Path) -> None:
    """Of two channels; an earlier run has half of the first one. The other file is judged by the length in the header
    of the first.
    """
    soundfile.write(tmp_path / "a.wav", np.zeros((100 * 16_000, 2), np.int16), 16_000, subtype="PCM_U8")
    soundfile.write(tmp_path / "b.wav", np.zeros(50 * 16_000, np.int16), 16_000, subtype="PCM_U8")
    files = [Recording(name, name, PurePosixPath(name), ".wav", tmp_path / name) for name in ("a.wav", "b.wav")]
    time = [0.0]
    progress = Progress(files, 1, clock=lambda: time[0])

    def advance(channel: int, start: float, end: float) -> None:
        result = PassageResult(round(16_000 * start), round(16_000 * end), (), (), 0.0)
        progress.advance(files[0], News(tmp_path / "a.wav", channel, result, channel - 1, 2))

    time[0] = 1.0
    advance(1, 50, 60)
    assert progress.files_done == pytest.approx(1.3)
    assert progress.seconds_done == progress.speed == pytest.approx(5)
    assert progress.seconds_left == pytest.approx((70 + 25) / 5, rel=0.01)
    time[0] = 2.0
    advance(2, 20, 40)
    assert progress.files_done == pytest.approx(1.7)
    assert progress.seconds_left == pytest.approx((30 + 25) / 22.5, rel=0.01)
    progress.add(done(files[0], 100.0))
    assert progress.files_done == 2
    assert progress.seconds_done == pytest.approx(75)
    assert progress.seconds_left == pytest.approx(25 / 37.5, rel=0.01)
    progress.add(done(files[1], 50.0))
    assert progress.seconds_done == pytest.approx(125)
    assert progress.seconds_left == 0


def test_a_long_recording_whose_headers_do_not_tell_its_length(tmp_path: Path) -> None:
    file = recording(tmp_path / "a.raw", 1000)
    progress = Progress([file], 0)
    progress.advance(file, News(tmp_path / "a.raw", 1, PassageResult(0, 160_000, (), (), 0.0), 0, 1))
    assert (progress.files_done, progress.seconds_left) == (0, None)
    assert progress.seconds_done == 10
    progress.add(done(file, 20.0))
    assert (progress.files_done, progress.seconds_left, progress.seconds_done) == (1, 0, 20)
