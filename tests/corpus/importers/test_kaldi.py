"""`asr import kaldi`: data directories written by hand."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.corpus.importers.entries import to_utterances
from asr.corpus.importers.kaldi import read_kaldi
from asr.corpus.manifest import read_manifest
from asr.errors import ManifestError
from tests.support.command_line import RunAsr, written
from tests.support.small_sounds import brief, sound


def kaldi(folder: Path, **files: list[str]) -> Path:
    for name, lines in files.items():
        folder.mkdir(exist_ok=True)
        written(folder / name.replace("wav_scp", "wav.scp"), *lines)
    return folder


def test_a_kaldi_directory_without_segments(tmp_path: Path) -> None:
    a, b = sound(tmp_path / "k" / "a b.wav"), sound(tmp_path / "elsewhere" / "b.wav", 0.25)
    folder = kaldi(
        tmp_path / "k", wav_scp=["s1-a a b.wav", f"s2-b  {b}"], text=["s2-b C", "s1-a A  B"], utt2spk=["s1-a s1"]
    )
    entries = read_kaldi(folder)
    assert [entry.audio for entry in entries] == [a, b]
    assert brief(to_utterances(entries, source=folder)[0]) == [
        ("s1-a", "A  B", "s1", None, 0.5),
        ("s2-b", "C", None, None, 0.25),
    ]


def test_a_kaldi_directory_with_segments(asr: RunAsr, tmp_path: Path) -> None:
    sound(tmp_path / "wav/r.wav", 2.0)
    folder = kaldi(
        tmp_path / "k",
        wav_scp=["r r.wav"],
        text=["u1 A", "u2 B", "u3 C"],
        segments=["u1 r 0 0.5", "u2 r 0.5 1.25", "u3 r 1.25 -1"],
        utt2spk=["u1 x", "u2 x", "u3 y"],
    )
    assert asr("import", "kaldi", folder, tmp_path / "m.jsonl", "--audio-folder", tmp_path / "wav").code == 0
    assert brief(read_manifest(tmp_path / "m.jsonl")) == [
        ("u1", "A", "x", 0.0, 0.5),
        ("u2", "B", "x", 0.5, 0.75),
        ("u3", "C", "y", 1.25, 0.75),
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"wav_scp": ["a sox x.wav -t wav - |"]},
            r"wav.scp, line 1: the sound a is the output of a command, sox x.wav",
        ),
        ({"wav_scp": ["a a.wav", "a b.wav"]}, "wav.scp, line 2: a stands twice"),
        ({"reco2file_and_channel": ["a a C"]}, "reco2file_and_channel, line 1: the channel is 'C', expected A or B"),
        ({}, "text: no such file"),
    ],
)
def test_broken_kaldi_directories_are_refused(tmp_path: Path, files: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        read_kaldi(kaldi(tmp_path / "k", **{"wav_scp": ["a a.wav"], **files}))


@pytest.mark.parametrize(
    ("segment", "message"),
    [
        ("u a 0", "segments, line 2: expected an id, a recording, start and end in s, .* found 'a 0'"),
        ("u z 0 1", "segments, line 2: the recording z is not in wav.scp"),
        ("u a 1 0.5", "segments, line 2: starts at 1.0 s and ends at 0.5 s"),
        ("u a nan 1", "segments, line 2: starts at nan s"),
        ("u a 0 0.5 -1", "segments, line 2: the channel is -1"),
        ("u a 0 0.5 1", "segments, line 2: .*a.wav: u is in channel 1 from 0, but it has 1"),
        ("u a 0 3", "segments, line 2: .*a.wav: u ends at 3.000 s, but the sound ends at 0.500 s"),
        ("v a 0 0.4", "text, line 2: the utterance u is not in segments"),
    ],
)
def test_one_bad_segment_is_named_and_can_be_left_out(tmp_path: Path, segment: str, message: str) -> None:
    sound(tmp_path / "k" / "a.wav")
    lines = {"segments": ["good a 0 0.4", segment], "text": ["good A", "u B"]}
    rows = read_kaldi(kaldi(tmp_path / "k", wav_scp=["a a.wav"], **lines))
    with pytest.raises(ManifestError, match=message):
        to_utterances(rows, source=tmp_path)
    utterances, left_out = to_utterances(rows, source=tmp_path, skip_missing=True)
    assert brief(utterances) == [("good", "A", None, 0.0, 0.4)]
    assert left_out is not None and left_out.startswith("left out: ")


def test_channels_of_kaldi(asr: RunAsr, tmp_path: Path) -> None:
    """Segments count from 0; sides are A and B, or count from 1, and mean nothing where there is one channel."""
    folder = tmp_path / "k"
    folder.mkdir()
    soundfile.write(folder / "two.wav", np.zeros((8000, 2)), 8000)
    sound(folder / "one.wav", 1.0)
    scp = ["call-A two.wav", "call-B two.wav", "call-2 two.wav", "mono one.wav"]
    sides = ["call-A two A", "call-B two B", "call-2 two 2", "mono one B"]
    texts = ["call-A X", "call-B Y", "call-2 Z", "mono W"]
    kaldi(folder, wav_scp=scp, reco2file_and_channel=sides, text=texts)
    assert asr("import", "kaldi", folder, tmp_path / "m.jsonl").code == 0
    channels = {u.id: u.channel_selector for u in read_manifest(tmp_path / "m.jsonl")}
    assert channels == {"call-A": 0, "call-B": 1, "call-2": 1, "mono": None}
    kaldi(folder, segments=["u call-A 0 0.5 1", "v call-B 0.5 -1"], text=["u X", "v Y"])
    assert asr("import", "kaldi", folder, tmp_path / "m.jsonl").code == 0
    assert [u.channel_selector for u in read_manifest(tmp_path / "m.jsonl")] == [1, 1]
