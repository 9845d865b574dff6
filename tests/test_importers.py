"""`asr import` and its readers: small corpora written by hand in each form."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import written

from asr.corpus.importers import read_folder, read_kaldi, read_nemo, read_table, to_utterances
from asr.corpus.manifest import Utterance, read_manifest
from asr.errors import ManifestError


def sound(path: Path, seconds: float = 0.5, rate: int = 8000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(round(seconds * rate)), rate)
    return path


def brief(utterances: list[Utterance]) -> list[tuple]:
    return [(u.id, u.text, u.speaker, u.offset, round(u.duration, 4)) for u in utterances]


def test_a_folder_of_sounds_with_texts_beside(asr, tmp_path: Path) -> None:
    sound(tmp_path / "in/b/one.wav", 0.25)
    sound(tmp_path / "in/a/one.flac", 0.5)
    sound(tmp_path / "in/two.WAV", 1.0, rate=44_100)
    written(tmp_path / "in/b/one.txt", "  HALLO ", "WELT")
    written(tmp_path / "in/a/one.txt", "ÄÖ")
    written(tmp_path / "in/two.txt", "")
    written(tmp_path / "in/notes.txt", "no sound of this name")
    result = asr("import", "folder", tmp_path / "in", tmp_path / "m.jsonl")
    assert (result.code, result.out) == (0, f"{tmp_path / 'm.jsonl'}\n")
    assert result.err == "asr: 3 utterances, 0.00 h\n"
    assert brief(read_manifest(tmp_path / "m.jsonl")) == [
        ("a/one", "ÄÖ", None, None, 0.5),
        ("b/one", "HALLO WELT", None, None, 0.25),
        ("two", "", None, None, 1.0),
    ]
    assert json.loads((tmp_path / "m.jsonl").read_text().splitlines()[0])["audio_filepath"] == "in/a/one.flac"


def test_a_comma_table_with_quotes_and_guessed_columns(tmp_path: Path) -> None:
    sound(tmp_path / "wav/a.wav")
    sound(tmp_path / "b.wav", 0.25)
    table = written(
        tmp_path / "t.csv", "speaker,wav_filename,n,transcript", 'anna,wav/a.wav,1,"A, ""B"""', "", "bert,b.wav,2,C"
    )
    utterances, left_out = to_utterances(read_table(table, separator=","), source=table)
    assert brief(utterances) == [("a", 'A, "B"', "anna", None, 0.5), ("b", "C", "bert", None, 0.25)]
    assert left_out is None


def test_a_tab_table_as_of_common_voice_with_columns_and_folder_named(asr, tmp_path: Path) -> None:
    sound(tmp_path / "clips/c1.mp3", 1.0, rate=48_000)
    written(tmp_path / "t.tsv", "client_id\tpath\tsentence\tnorm", 'x9\tc1.mp3\t"So, he said\tso he said')
    options = ["--audio-folder", tmp_path / "clips"]
    assert asr("import", "tsv", tmp_path / "t.tsv", tmp_path / "m.jsonl", *options).code == 0
    (utterance,) = read_manifest(tmp_path / "m.jsonl")
    assert (utterance.id, utterance.text, utterance.speaker) == ("c1", '"So, he said', "x9")
    assert utterance.duration == pytest.approx(1.0, abs=0.1)  # mp3 comes in frames
    options += ["--text-column", "norm", "--audio-column", "path"]
    assert asr("import", "tsv", tmp_path / "t.tsv", tmp_path / "m.jsonl", *options).code == 0
    assert read_manifest(tmp_path / "m.jsonl")[0].text == "so he said"


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (["a,b", "1,2"], {}, r"no column of sound files \(--audio-column\): the first line has a, b; expected audio_f"),
        (["path,b", "1,2"], {}, r"no column of texts \(--text-column\): the first line has path, b; expected text or"),
        (["path,text", "1,2"], {"text_column": "t"}, "the first line has path, text; expected t$"),
        (["path,text", "1,2,3"], {}, "line 2: 3 cells, expected 2: path, text"),
        (["path,text", '1,"2'], {}, "line 2: not a table that can be read"),
        ([], {}, "no column of sound files"),
    ],
)
def test_broken_tables_are_refused(tmp_path: Path, lines: list[str], options: dict[str, str], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        read_table(written(tmp_path / "t.csv", *lines), separator=",", **options)


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


def test_a_kaldi_directory_with_segments(asr, tmp_path: Path) -> None:
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
        ({"segments": ["u a 0"]}, "segments, line 1: expected an id, a recording, start and end in s, found 'a 0'"),
        ({"segments": ["u z 0 1"]}, "segments, line 1: the recording z is not in wav.scp"),
        ({"segments": ["u a 1 0.5"]}, "segments, line 1: starts at 1.0 s and ends at 0.5 s"),
        ({"segments": ["u a nan 1"]}, "segments, line 1: starts at nan s"),
        ({}, "text: no such file"),
    ],
)
def test_broken_kaldi_directories_are_refused(tmp_path: Path, files: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        read_kaldi(kaldi(tmp_path / "k", **{"wav_scp": ["a a.wav"], **files}))


def test_a_nemo_manifest_without_durations_and_ids(asr, tmp_path: Path) -> None:
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
    ],
)
def test_broken_nemo_lines_are_refused(tmp_path: Path, line: object) -> None:
    with pytest.raises(ManifestError, match="line 2: expected a JSON object with"):
        read_nemo(written(tmp_path / "n.json", GOOD, line))


def test_what_is_missing_is_named_and_can_be_left_out(asr, refusal, tmp_path: Path) -> None:
    sound(tmp_path / "good.wav")
    written(tmp_path / "broken.wav", "this is no sound")
    lines = ["path\ttext", "good.wav\tA", "broken.wav\tB", *(f"no{n}.wav\tC" for n in range(12))]
    table = written(tmp_path / "t.tsv", *lines)
    message = refusal("import", "tsv", table, tmp_path / "m.jsonl")
    assert "13 of 14 utterances can not be used" in message
    assert f"{tmp_path}/broken.wav: not audio that can be read" in message
    assert f"{tmp_path}/no8.wav: no such file" in message
    assert "no9.wav" not in message  # ten are named
    assert message.endswith("; and 3 more; leave them out with --skip-missing")
    assert not (tmp_path / "m.jsonl").exists()

    result = asr("import", "tsv", table, tmp_path / "m.jsonl", "--skip-missing")
    assert result.code == 0
    assert result.err.startswith("asr: left out: 13 of 14 utterances")
    assert brief(read_manifest(tmp_path / "m.jsonl")) == [("good", "A", None, None, 0.5)]


def test_sounds_without_text_and_starts_beyond_the_end_are_missing_too(refusal, tmp_path: Path) -> None:
    sound(tmp_path / "in/a.wav")
    assert "in/a.wav: there is no text for a" in refusal("import", "folder", tmp_path / "in", tmp_path / "m.jsonl")
    empty = written(tmp_path / "e.csv", "path,text", f"{sound(tmp_path / 'e.wav', 0.0)},A")
    assert "e.wav: holds no samples" in refusal("import", "csv", empty, tmp_path / "m.jsonl")
    nemo = written(tmp_path / "n.json", {"audio_filepath": "in/a.wav", "text": "A", "offset": 0.5})
    assert "starts at 0.5 s, but the sound ends at 0.500 s" in refusal("import", "nemo", nemo, tmp_path / "m.jsonl")
    assert "no utterances in it" in refusal("import", "nemo", written(tmp_path / "e"), tmp_path / "m.jsonl")


def test_nothing_is_left_when_all_is_skipped(refusal, tmp_path: Path) -> None:
    table = written(tmp_path / "t.csv", "path,text", "no.wav,A")
    assert "no.wav: no such file" in refusal("import", "csv", table, tmp_path / "m.jsonl", "--skip-missing")


def test_doubled_utterances_are_refused(refusal, tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    table = written(tmp_path / "t.csv", "path,text", "a.wav,A", "a.wav,B")
    assert "stands 2 times" in refusal("import", "csv", table, tmp_path / "m.jsonl")
    ids = written(tmp_path / "i.csv", "id,path,text", "u,a.wav,A", "u,a.wav,B")
    assert "the utterance u stands 2 times" in refusal("import", "csv", ids, tmp_path / "m.jsonl")


def test_folders_that_are_none_or_empty(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such folder"):
        read_folder(tmp_path / "nowhere")
    with pytest.raises(ManifestError, match="no sound files in it"):
        read_folder(tmp_path)
