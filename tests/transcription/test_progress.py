"""How far a run is: the rest is judged by what is done, of each kind of file."""

from pathlib import Path, PurePosixPath

import pytest

from asr.formats.document import Document
from asr.transcript import Transcript
from asr.transcription.inputs import Recording
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
