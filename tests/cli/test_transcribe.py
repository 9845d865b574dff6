"""`asr transcribe` as its users meet it: what is printed, and what is written."""

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.formats import FORMATS
from asr.recognizer import Recognizer
from asr.text.tags import CAPITAL, MARKS
from tests.support.command_line import Refusal, RunAsr, files, written
from tests.support.taggers import always


def unboxed(message: str) -> str:
    """A message on wrong usage in one line, without its box."""
    return " ".join(re.sub("[│╭╮╰╯─]", " ", message).split())


# --- stdout -----------------------------------------------------------------------------------------------------------


def test_one_file_gives_its_text_several_give_names_and_texts(
    asr: RunAsr, model_folder: Path, wav: Path, tmp_path: Path
) -> None:
    other = tmp_path / "b.wav"
    soundfile.write(other, np.zeros(8000), 16_000)
    one = asr("transcribe", model_folder, wav)
    assert (one.code, one.err) == (0, "")
    text = one.out.removesuffix("\n")
    assert text  # the model has no idea, and says so at length
    both = asr("transcribe", model_folder, wav, other, wav)
    assert (both.code, both.err) == (0, "")
    assert both.out == f"{wav}\t{text}\n{other}\t\n"
    assert asr("transcribe", wav, "--model", model_folder).out == one.out


def test_a_line_feed_in_a_name_breaks_no_line(asr: RunAsr, model_folder: Path, wav: Path, tmp_path: Path) -> None:
    path = tmp_path / "a\nb\u2028\x1b.wav"
    path.write_bytes(wav.read_bytes())
    result = asr("transcribe", model_folder, path, wav)
    assert [line.split("\t")[0] for line in result.out.split("\n")] == [
        f"{tmp_path}/a\\nb\\u2028\\x1b.wav",
        str(wav),
        "",
    ]
    record = json.loads(asr("transcribe", model_folder, path, "--format", "json").out)
    assert record["source"] == str(path)
    written_to = asr("transcribe", model_folder, path, "--output", tmp_path / "out")
    assert written_to.err == f"[1/1] {tmp_path}/a\\nb\\u2028\\x1b.wav: 2.0 s\n"
    assert files(tmp_path / "out") == {"a\nb\u2028\x1b.txt"}


def test_what_is_odd_about_a_sound_is_told_in_a_line(
    asr: RunAsr, model_folder: Path, speechlike: np.ndarray, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([speechlike, -speechlike], axis=1), 16_000)
    soundfile.write(tmp_path / "b.wav", speechlike, 16_000)
    opposed, alone = (asr("transcribe", model_folder, tmp_path / name) for name in ("a.wav", "b.wav"))
    assert (opposed.code, opposed.out) == (0, alone.out)
    assert opposed.err.startswith(f"asr: {tmp_path}/a.wav: its channels are in opposite phase")
    assert opposed.err.count("\n") == 1


def test_json_has_the_words_with_their_times(asr: RunAsr, model_folder: Path, wav: Path, tmp_path: Path) -> None:
    shutil.copy(wav, tmp_path / "b.wav")
    result = asr("transcribe", model_folder, wav, tmp_path / "b.wav", "--format", "json")
    records = [json.loads(line) for line in result.out.splitlines()]
    assert [record["source"] for record in records] == [str(wav), f"{tmp_path}/b.wav"]
    assert records[0]["segments"] == records[1]["segments"]
    assert records[0]["duration"] == 2.0
    words = [word for segment in records[0]["segments"] for word in segment["words"]]
    assert [word["text"] for word in words] == records[0]["text"].split()
    for word in words:
        assert 0 <= word["start"] < word["end"] <= 2.0
        assert 0 <= word["confidence"] <= 1


def test_silence_gives_empty_text_and_no_error(asr: RunAsr, model_folder: Path, tmp_path: Path) -> None:
    files = []
    for format, subtype in (("WAV", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")):
        for rate in (8_000, 16_000, 48_000):
            files.append(tmp_path / f"{format}{rate}")
            soundfile.write(files[-1], np.zeros((rate, 2)), rate, format=format, subtype=subtype)
    for file in files[:2]:
        alone = asr("transcribe", model_folder, file)
        assert (alone.code, alone.out, alone.err) == (0, "\n", "")
    together = asr("transcribe", model_folder, *files)
    assert (together.code, together.out, together.err) == (0, "".join(f"{file}\t\n" for file in files), "")
    empty = {name: asr("transcribe", model_folder, files[0], "--format", name) for name in ("srt", "vtt")}
    assert {name: (result.code, result.out) for name, result in empty.items()} == {
        "srt": (0, ""),
        "vtt": (0, "WEBVTT\n"),
    }


def test_tables_of_a_folder_have_one_header_and_nist_forms_are_sorted(
    asr: RunAsr, model_folder: Path, tree: Path
) -> None:
    shutil.copy(tree / "talk.wav", tree / "a talk.wav")
    table = asr("transcribe", model_folder, tree, "--format", "tsv")
    assert table.code == 1
    rows = list(csv.DictReader(table.out.splitlines(), delimiter="\t"))
    assert [row["source"] for row in rows] == [f"{tree}/{name}.wav" for name in ("a talk", "sub/talk", "talk")]
    for format in ("ctm", "stm"):
        given = [tree / "talk.wav", tree / "a talk.wav"]
        lines = asr("transcribe", model_folder, *given, "--format", format).out.splitlines()
        assert [line.split()[0] for line in lines if line.split()[1] == "1"][:: len(lines) // 2] == ["a%20talk", "talk"]


def test_several_in_a_format_that_cannot_be_joined_need_a_folder(
    refusal: Refusal, asr: RunAsr, model_folder: Path, tree: Path
) -> None:
    for format in ("textgrid", "srt", "vtt"):
        message = refusal("transcribe", model_folder, tree / "talk.wav", tree / "cut.wav", "--format", format)
        assert message == (
            f"2 recordings in the format {format} cannot be written one after the other, as each is a file of its own; "
            "give a folder for them: --output DIR"
        )
        assert asr("transcribe", model_folder, tree / "talk.wav", "--format", format).code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "srr"], "'srr' is not one of txt, json, srt, vtt"),
        (["--format", "txt,srt"], "several formats need a folder: --output DIR"),
        (["--format", ""], "'' is not one of"),
        (["--channels", "0"], "'0' is not mix, each, or the number of a channel"),
        (["--channels", "left"], "'left' is not mix, each, or the number of a channel"),
        (["--windows"], "--windows and --overwrite are about files"),
    ],
)
def test_wrong_options(asr: RunAsr, model_folder: Path, wav: Path, options: list[str], message: str) -> None:
    result = asr("transcribe", model_folder, wav, *options)
    assert (result.code, result.out) == (2, "")
    assert message in unboxed(result.err)


def test_channels(asr: RunAsr, model_folder: Path, speechlike: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.stack([speechlike, speechlike[::-1]], axis=1), 16_000)

    def record(channels: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(
            asr("transcribe", model_folder, path, "--format", "json", "--channels", channels).out
        )
        return found

    assert [record(channels)["channels"] for channels in ("mix", "2", "each")] == [[1], [2], [1, 2]]
    lines = asr("transcribe", model_folder, path, "--channels", "each").out.splitlines()
    assert {line[:4] for line in lines} == {"[1] ", "[2] "}
    assert "has no channel 3" in asr("transcribe", model_folder, path, "--channels", "3").err


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_folder_is_mirrored_in_all_formats_and_what_is_broken_named_at_the_end(
    asr: RunAsr, model_folder: Path, tree: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ["transcribe", model_folder, tree, "--output", out, "--format", ",".join(FORMATS)]
    result = asr(*arguments)
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        "asr: passed over, as no recordings: 1 .jpg",
        f"[1/3] {tree}/cut.wav: failed",
        f"[2/3] {tree}/sub/talk.wav: 2.0 s",
        f"[3/3] {tree}/talk.wav: 2.0 s",
        f"asr: {tree}/cut.wav: truncated: 1000 bytes of sound are missing; get the whole file",
    ]
    talks = {f"{stem}.{name}" for stem in ("talk", "sub/talk") for name in FORMATS}
    assert files(out) == talks | {"cut.json"}
    alone = {name: asr("transcribe", model_folder, tree / "talk.wav", "--format", name).out for name in FORMATS}
    assert {name: (out / f"talk.{name}").read_text() for name in FORMATS} == alone
    assert (out / "sub/talk.ctm").read_text().startswith("sub/talk 1 ")
    assert "truncated" in json.loads((out / "cut.json").read_text())["error"]

    written_at = {path: path.stat().st_mtime_ns for path in out.rglob("talk.*")}
    again = asr(*arguments)
    assert again.code == 1
    assert again.err.splitlines()[1:3] == [
        "asr: done already: 2 of 3 recordings",
        f"[3/3] {tree}/cut.wav: failed",
    ]
    (tree / "cut.wav").unlink()
    last = asr(*arguments)
    assert (last.code, last.err.splitlines()[1:]) == (0, ["asr: done already: 2 of 2 recordings"])
    assert {path: path.stat().st_mtime_ns for path in out.rglob("talk.*")} == written_at


def test_another_model_hot_words_or_channels_do_all_anew_and_say_so(
    asr: RunAsr, model_folder: Path, wav: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(model_folder, other)
    config = json.loads((other / "config.json").read_text())
    config["search"]["method"] = "beam"
    (other / "config.json").write_text(json.dumps(config))
    words = written(tmp_path / "words.txt", "FOX")
    runs: list[list[object]] = [[model_folder], [other], [other, "--hotwords", words], [other, "--channels", "1"]]
    for number, (model, *options) in enumerate(runs):
        result = asr("transcribe", model, wav, "--output", tmp_path / "out", *options)
        told = "asr: done anew, as the model or the settings were others: 1 of 1 recordings\n"
        assert result.err == told * (number > 0) + f"[1/1] {wav}: 2.0 s\n"
        again = asr("transcribe", model, wav, "--output", tmp_path / "out", *options)
        assert again.err == "asr: done already: 1 of 1 recordings\n"


def test_a_file_in_the_way_is_named_with_the_way_round(
    asr: RunAsr, model_folder: Path, wav: Path, tmp_path: Path
) -> None:
    shutil.copy(wav, tmp_path / "talk.wav")
    mine = written(tmp_path / "talk.txt", "my own")
    arguments = ["transcribe", model_folder, tmp_path / "talk.wav", "--output", tmp_path]
    alone = asr(*arguments)
    assert alone.code == 2
    assert alone.err.startswith(f"asr: {mine}: is there already, and was not written by such a run")
    assert "--overwrite" in alone.err
    assert mine.read_text() == "my own\n"
    assert asr(*arguments, "--format", "txt,srt").code == 1
    assert (tmp_path / "talk.srt").exists()
    assert asr(*arguments, "--overwrite").code == 0
    assert mine.read_text() != "my own\n"


def test_an_output_that_cannot_be_written_is_refused_before_any_work(
    refusal: Refusal, model_folder: Path, wav: Path, tmp_path: Path
) -> None:
    assert refusal("transcribe", model_folder, wav, "--output", wav) == (
        f"{wav}: is not a folder, and the results need one"
    )


def test_the_folder_of_a_training_and_no_recordings(
    asr: RunAsr, refusal: Refusal, model_folder: Path, wav: Path, tmp_path: Path
) -> None:
    shutil.copytree(model_folder, tmp_path / "run" / "model")
    result = asr("transcribe", tmp_path / "run", wav)
    taken = f"is the folder of a training, so its model is taken: {tmp_path}/run/model"
    assert (result.code, result.err) == (0, f"asr: {tmp_path}/run: {taken}\n")
    (tmp_path / "empty").mkdir()
    assert refusal("transcribe", model_folder, tmp_path / "empty").endswith("there are no recordings in this folder")
    lonely = asr("transcribe", model_folder)
    assert lonely.code == 2
    assert "expected recordings after the model" in unboxed(lonely.err)


def test_a_model_by_its_name_or_unasked(asr: RunAsr, models_home: Path, model_folder: Path, wav: Path) -> None:
    expected = asr("transcribe", model_folder, wav)
    shutil.copytree(model_folder, models_home / "ours")
    assert expected.code == 0
    assert asr("transcribe", "ours", wav) == asr("transcribe", wav, "--model", "ours") == expected
    assert asr("transcribe", wav) == expected


# --- printed words ----------------------------------------------------------------------------------------------------


@pytest.fixture
def tagged_folder(tmp_path: Path, model_folder: Path) -> Path:
    """The tiny model with a tagger that puts a full stop after each word."""
    recognizer = Recognizer.load(model_folder)
    parts = replace(recognizer.parts, tagger=always(MARKS.index("."), CAPITAL))
    Recognizer(parts).save(tmp_path / "tagged")
    return tmp_path / "tagged"


def test_a_model_with_a_tagger_prints_marks_unless_plain(
    asr: RunAsr, model_folder: Path, tagged_folder: Path, wav: Path
) -> None:
    plain = asr("transcribe", model_folder, wav).out
    printed = asr("transcribe", tagged_folder, wav).out
    assert printed.split() == [word.capitalize() + "." for word in plain.split()]
    assert asr("transcribe", tagged_folder, wav, "--plain").out == plain
    record = json.loads(asr("transcribe", tagged_folder, wav, "--format", "json").out)
    assert (record["text"].split(), record["written"].split()) == (plain.split(), printed.split())


def test_results_with_and_without_marks_are_different_ones(
    asr: RunAsr, tagged_folder: Path, wav: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    asr("transcribe", tagged_folder, wav, "--output", out)
    printed = (out / "speech.txt").read_text()
    asr("transcribe", tagged_folder, wav, "--output", out, "--plain")
    assert (out / "speech.txt").read_text() != printed
    asr("transcribe", tagged_folder, wav, "--output", out)
    assert (out / "speech.txt").read_text() == printed
