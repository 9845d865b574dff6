"""Reading and writing manifests, and what is said about broken ones."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.corpus.manifest import Utterance, read_manifest, write_manifest
from asr.errors import ManifestError

GOOD = '{"audio_filepath": "a.wav", "duration": 1.5, "text": "A B"}'


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder: Path, content: str | bytes) -> list[Utterance]:
    return read_manifest(written(folder / "m.jsonl", content), check_files=False)


def line(**record: object) -> str:
    return json.dumps({"audio_filepath": "a.wav", "duration": 1.5, "text": "A", **record}) + "\n"


def refusal(folder: Path, content: str | bytes) -> str:
    with pytest.raises(ManifestError) as caught:
        read(folder, content)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'm.jsonl'}")
    assert "\n" not in message
    return message.removeprefix(f"{folder / 'm.jsonl'}").removeprefix(", ").removeprefix(": ")


def test_a_line_of_nemo(tmp_path: Path) -> None:
    [utterance] = read(tmp_path, GOOD)
    assert utterance == Utterance(tmp_path / "a.wav", 1.5, "A B", "a", None, None)


def test_all_keys_and_unknown_ones(tmp_path: Path) -> None:
    [utterance] = read(
        tmp_path, line(audio_filepath="/x/b.flac", id="u1", speaker="s", offset=2, lang="en", duration=3)
    )
    assert utterance == Utterance(Path("/x/b.flac"), 3.0, "A", "u1", "s", 2.0)


def test_numbers_as_ids_and_null_as_nothing(tmp_path: Path) -> None:
    [utterance] = read(tmp_path, line(id=7, speaker=12, offset=None))
    assert (utterance.id, utterance.speaker, utterance.offset) == ("7", "12", None)
    assert read(tmp_path, line(id=None, speaker=None))[0].id == "a"


@pytest.mark.parametrize(
    "text", ["A\u2028B", "A\u2029B", "A\x85B", "A\x0bB\x0cC\x1cD", "A\nB\r\n", "", "\U0001f600 e\u0301"]
)
@pytest.mark.parametrize("ascii", [True, False])
def test_a_text_may_hold_what_python_takes_for_line_ends(tmp_path: Path, text: str, ascii: bool) -> None:
    record = json.dumps({"audio_filepath": "a.wav", "duration": 1, "text": text}, ensure_ascii=ascii)
    assert [u.text for u in read(tmp_path, record + "\n" + line(id="b"))] == [text, "A"]


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf" + GOOD.encode(), GOOD + "\r\n", "\n \n" + GOOD + "\n\n", GOOD])
def test_byte_order_mark_blank_lines_and_other_line_ends(tmp_path: Path, content: bytes | str) -> None:
    assert [u.text for u in read(tmp_path, content)] == ["A B"]


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("A B", "line 2: not JSON: Expecting value at character 1"),
        (GOOD[:-1], "line 2: not JSON: Expecting ',' delimiter"),
        ("[" * 100_000, "line 2: not JSON that can be read"),
        ('{"duration": ' + "1" * 5000 + "}", "line 2: not JSON that can be read"),
        ("[1]", "line 2: expected a JSON object, found list"),
        ("null", "line 2: expected a JSON object, found NoneType"),
        ('{"duration": 1, "text": ""}', "line 2: the key 'audio_filepath' is missing"),
        ('{"audio_filepath": "b.wav", "text": ""}', "line 2: the key 'duration' is missing"),
        ('{"audio_filepath": "b.wav", "duration": 1}', "line 2: the key 'text' is missing"),
        (line(text=None), "line 2: the key 'text' is missing"),
        (line(text=3), "line 2: 'text' is 3, expected a text"),
        (line(audio_filepath=["b"]), "line 2: 'audio_filepath' is ['b'], expected a text"),
        (line(duration="1"), "line 2: 'duration' is '1', expected a number"),
        (line(duration=True), "line 2: 'duration' is True, expected a number"),
        (line(duration=-1), "line 2: 'duration' is -1, expected seconds, zero or more"),
        (line(duration=float("nan")), "line 2: 'duration' is nan, expected seconds"),
        (line(duration=float("inf")), "line 2: 'duration' is inf, expected seconds"),
        (line(duration=10**400), "line 2: 'duration' is 1000"),
        (line(offset=-0.5), "line 2: 'offset' is -0.5, expected seconds"),
        (line(offset="0"), "line 2: 'offset' is '0', expected a number"),
        (line(id={}), "line 2: 'id' is {}, expected a text"),
        (line(speaker=[1]), "line 2: 'speaker' is [1], expected a text"),
        (line(text="A \ud83d"), "line 2: 'text' holds half of a surrogate pair, '\\ud83d'"),
        (line(), "line 2: the id 'a' stands on line 1 already"),
        (line(audio_filepath="x/a.flac"), "line 2: the id 'a' stands on line 1 already"),
    ],
)
def test_the_line_that_is_broken_is_named(tmp_path: Path, second: str, message: str) -> None:
    assert refusal(tmp_path, GOOD + "\n" + second).startswith(message)


@pytest.mark.parametrize("content", ["", "\n\n", b"\xef\xbb\xbf"])
def test_no_utterances(tmp_path: Path, content: str | bytes) -> None:
    assert refusal(tmp_path, content).startswith("the manifest has no utterances")


@pytest.mark.parametrize("content", [GOOD.encode() + b"\n\xff\xfe", GOOD.encode() + b"\n" + GOOD.encode("utf-16")])
def test_not_utf_8(tmp_path: Path, content: bytes) -> None:
    assert refusal(tmp_path, content).startswith("line 2: not UTF-8 text")


def test_no_manifest(tmp_path: Path) -> None:
    for path, message in ((tmp_path / "m.jsonl", "no such file"), (tmp_path, "cannot be read (Is a directory)")):
        with pytest.raises(ManifestError) as caught:
            read_manifest(path)
        assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize("number", [1, 10, 11, 25])
def test_missing_sound_files_the_first_ten_and_their_count(tmp_path: Path, number: int) -> None:
    written(tmp_path / "there.wav", "x")
    lines = [line(audio_filepath=f"gone{i:02}.wav") for i in range(number)]
    path = written(tmp_path / "m.jsonl", line(audio_filepath="there.wav") + "".join(lines))
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    named = ", ".join(str(tmp_path / f"gone{i:02}.wav") for i in range(min(10, number)))
    more = f" and {number - 10} more" if number > 10 else ""
    advice = "; put them there, or leave them out with `asr doctor --fix`"
    assert str(caught.value) == f"{path}: {number} of {number + 1} sound files are missing: {named}{more}{advice}"


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "\ud800", "", "there.wav/below"])
def test_names_that_no_file_can_have_are_missing(tmp_path: Path, name: str) -> None:
    written(tmp_path / "there.wav", "x")
    with pytest.raises(ManifestError, match="1 of 1 sound files are missing"):
        read_manifest(written(tmp_path / "m.jsonl", line(audio_filepath=name, id="a")))


def paths_of(path: Path) -> list[str]:
    return [json.loads(text)["audio_filepath"] for text in path.read_text().splitlines()]


def utterance(path: Path) -> Utterance:
    return Utterance(path, 1.0, "A", path.stem)


def test_what_is_below_the_manifest_is_relative_to_it_and_the_rest_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "corpus"
    outside = tmp_path / "other" / "b.wav"
    for manifest in (folder / "m.jsonl", Path("corpus/m.jsonl")):
        write_manifest(
            manifest, [utterance(folder / "wav" / "a.wav"), utterance(outside), utterance(Path("corpus/c.wav"))]
        )
        assert paths_of(folder / "m.jsonl") == ["wav/a.wav", str(outside), "c.wav"]


def test_below_links_and_dots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = tmp_path / "disk" / "corpus"
    (real / "wav").mkdir(parents=True)
    (tmp_path / "link").symlink_to(real)
    written(real / "wav" / "a.wav", "x")
    (real / "wav" / "b.wav").symlink_to("/dev/null")
    through = [tmp_path / "link", real, tmp_path / "link" / "wav" / "..", tmp_path / "disk" / ".." / "disk" / "corpus"]
    for folder in through:
        for sounds in through:
            write_manifest(
                folder / "m.jsonl", [utterance(sounds / "wav" / "a.wav"), utterance(sounds / "wav" / "b.wav")]
            )
            relative = [os.path.normpath(path) for path in paths_of(real / "m.jsonl")]
            assert relative == ["wav/a.wav", "wav/b.wav"], (folder, sounds)
            assert read_manifest(folder / "m.jsonl", check_files=False)[0].audio_filepath.samefile(
                real / "wav" / "a.wav"
            )


def test_a_file_name_in_no_encoding(tmp_path: Path) -> None:
    sound = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.wav"))
    sound.write_bytes(b"x")
    write_manifest(tmp_path / "m.jsonl", [Utterance(sound, 1.0, "\u00e9", "a")])
    assert read_manifest(tmp_path / "m.jsonl") == [Utterance(sound, 1.0, "\u00e9", "a")]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
seconds = st.floats(0, 1e6)


@given(st.lists(st.tuples(seconds, texts, texts, st.none() | texts, seconds), min_size=1, unique_by=lambda u: u[2]))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, str, str, str | None, float]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    utterances = [Utterance(folder / "a.wav", *row) for row in rows]
    write_manifest(folder / "m.jsonl", utterances)
    assert read_manifest(folder / "m.jsonl", check_files=False) == utterances


def test_a_key_that_stands_twice_is_refused_and_colons_in_texts_are_not(tmp_path: Path) -> None:
    line = '{"audio_filepath": "a.wav", "duration": 1, "text": "at 12:30 \\": ", "id": "a"}'
    (tmp_path / "m.jsonl").write_text(f"{line}\n")
    assert read_manifest(tmp_path / "m.jsonl", check_files=False)[0].text == 'at 12:30 ": '
    (tmp_path / "m.jsonl").write_text(line.replace('"id"', '"text"  :  "B", "id"') + "\n")
    with pytest.raises(ManifestError, match="line 1: the key 'text' stands twice; which one is right"):
        read_manifest(tmp_path / "m.jsonl", check_files=False)
