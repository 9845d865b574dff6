"""`asr import nemo`: manifests written by hand."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.corpus.importers.entries import to_utterances
from asr.corpus.importers.nemo import read_nemo
from asr.corpus.manifest import read_manifest
from asr.errors import ManifestError
from tests.support.command_line import RunAsr, written
from tests.support.small_sounds import brief, sound


def test_parts_of_a_file_and_channels_of_a_nemo_manifest(asr: RunAsr, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "c.wav", np.zeros((16_000, 2)), 8000)
    lines: list[dict[str, object]] = [
        {"audio_filepath": "c.wav", "text": "A", "duration": 0.5},  # NeMo reads no more than that
        {"audio_filepath": "c.wav", "text": "B", "offset": 0.5, "duration": 0.5, "channel_selector": 1},
        {"audio_filepath": "c.wav", "text": "C", "offset": 0.5, "duration": 0.5, "channel_selector": [0]},
        {"audio_filepath": "c.wav", "text": "D", "offset": 1.0, "channel_selector": "average"},
        {"audio_filepath": "c.wav", "text": "E", "channel_selector": [0, 1]},
    ]
    assert asr("import", "nemo", written(tmp_path / "n.json", *lines), tmp_path / "m.jsonl").code == 0
    utterances = read_manifest(tmp_path / "m.jsonl")
    assert [(*u, channel.channel_selector) for u, channel in zip(brief(utterances), utterances, strict=True)] == [
        ("c", "A", None, 0.0, 0.5, None),
        ("c-00000500-channel1", "B", None, 0.5, 0.5, 1),
        ("c-00000500-channel0", "C", None, 0.5, 0.5, 0),
        ("c-00001000", "D", None, 1.0, 1.0, None),
        ("c-channel0+1", "E", None, None, 2.0, (0, 1)),
    ]
    # As a manifest as it is, without import, it has the same ids.
    written(tmp_path / "as-is.json", *({**line, "duration": 0.5, "channel_selector": None} for line in lines[:4:3]))
    assert [u.id for u in read_manifest(tmp_path / "as-is.json")] == ["c", "c-00001000"]


def test_a_nemo_manifest_without_durations_and_ids(asr: RunAsr, tmp_path: Path) -> None:
    for name in ("x/a.wav", "y/a.wav", "c.wav"):
        sound(tmp_path / name, 1.0)
    written(
        tmp_path / "n.json",
        {"audio_filepath": "x/a.wav", "text": "A", "duration": 99.0, "lang": "en"},
        {"audio_filepath": "y/a.wav", "text": "B", "duration": None, "speaker": 7},
        "",
        {"audio_filepath": "c.wav", "text": "C", "offset": 0.25, "duration": 0.5},
        {"audio_filepath": "c.wav", "text": "D", "offset": 0.75},
    )
    assert asr("import", "nemo", tmp_path / "n.json", tmp_path / "m.jsonl").code == 0
    assert brief(read_manifest(tmp_path / "m.jsonl")) == [
        (f"{tmp_path}/x/a", "A", None, None, 1.0),
        (f"{tmp_path}/y/a", "B", "7", None, 1.0),
        ("c-00000250", "C", None, 0.25, 0.5),
        ("c-00000750", "D", None, 0.75, 0.25),
    ]


GOOD = {"audio_filepath": "a.wav", "text": "A"}


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '"a"',
        {"text": "A"},
        {**GOOD, "text": None},
        {**GOOD, "offset": -1.0},
        {**GOOD, "duration": float("nan")},
        {**GOOD, "channel_selector": [0, -1]},
    ],
)
def test_broken_nemo_lines_are_refused(tmp_path: Path, line: object) -> None:
    with pytest.raises(ManifestError, match="line 2: expected a JSON object with"):
        to_utterances(read_nemo(written(tmp_path / "n.json", GOOD, line)), source=tmp_path)
