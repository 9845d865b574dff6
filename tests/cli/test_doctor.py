"""`asr doctor` as its users meet it."""

import json
from pathlib import Path

import pytest

from tests.support.command_line import Refusal, RunAsr, manifest, written


def line(id: str, *, text: str = "THE DOG", **record: object) -> dict[str, object]:
    return {"audio_filepath": f"{id}.wav", "duration": 2.0, "text": text, "id": id, "speaker": "s", **record}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return written(tmp_path / "good.jsonl", line("a"), line("b", text="A FOX"))


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    return written(tmp_path / "bad.jsonl", line("a"), line("b", text="A  FOX"), line("c", text="  "), "{", line("a"))


def test_a_clean_manifest(asr: RunAsr, good: Path, wav: Path, tmp_path: Path) -> None:
    result = asr("doctor", good, "--no-audio")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"{good}: 2 utterances, 0.00 h: 0 errors, 0 warnings\n"
    sounds = manifest(tmp_path / "m.jsonl", wav)
    assert asr("doctor", sounds, "--workers", 1).out == f"{sounds}: 1 utterances, 0.00 h: 0 errors, 0 warnings\n"


def test_the_table(asr: RunAsr, bad: Path) -> None:
    result = asr("doctor", bad, "--no-audio")
    assert (result.code, result.err) == (1, "")
    assert result.out == (
        f"{bad}: 5 utterances, 0.00 h: 3 errors, 3 warnings\n"
        "\n"
        "         what                      count     share   such as\n"
        "error    broken-line                   1   20.00 %   line 4\n"
        "         line 4: not JSON: Expecting property name enclosed in double quotes at character 2\n"
        "         -> write the line again (--fix leaves it out)\n"
        "error    doubled-id                    1   20.00 %   a\n"
        "         line 5: the same as on line 1\n"
        '         -> give each utterance its own "id" (--fix corrects it)\n'
        "error    empty-text                    1   20.00 %   c\n"
        "         line 3: the text is empty\n"
        "         -> write down what is said (--fix leaves it out)\n"
        "warning  duplicate-sound               1   20.00 %   a\n"
        "         line 5: the same as on line 1\n"
        "         -> keep one of them, with the text that is right (--fix leaves it as it is)\n"
        "warning  duplicate-text                1   20.00 %   a\n"
        "         line 5: the same as on line 1\n"
        "         -> no harm if each was spoken anew (--fix leaves it as it is)\n"
        "warning  white-space                   1   20.00 %   b\n"
        "         line 2: spaces at an end, or more than one in a row\n"
        "         -> put one plain space between words (--fix corrects it)\n"
    )


def test_warnings_alone_are_no_failure(asr: RunAsr, tmp_path: Path) -> None:
    assert asr("doctor", written(tmp_path / "m.jsonl", line("a", text="A  B")), "--no-audio").code == 0


def test_json_has_every_finding_and_then_the_counts(asr: RunAsr, bad: Path, good: Path) -> None:
    result = asr("doctor", bad, good, "--no-audio", "--json")
    assert (result.code, result.err) == (1, "")
    *findings, first, second = map(json.loads, result.out.splitlines())
    assert [(f["kind"], f["severity"], f["utterance"], f["line"]) for f in findings] == [
        ("white-space", "warning", "b", 2),
        ("empty-text", "error", "c", 3),
        ("broken-line", "error", None, 4),
        ("doubled-id", "error", "a", 5),
        ("duplicate-sound", "warning", "a", 5),
        ("duplicate-text", "warning", "a", 5),
    ]
    assert (first["manifest"], first["lines"], first["errors"], first["warnings"]) == (str(bad), 5, 3, 3)
    assert {kind["kind"]: (kind["count"], kind["share"]) for kind in first["kinds"]} == {
        finding["kind"]: (1, 0.2) for finding in findings
    }
    assert first["kinds"][2]["examples"] == [findings[1]]
    assert first["repairs"] is None
    assert (second["manifest"], second["errors"], second["kinds"]) == (str(good), 0, [])


def test_the_first_ten_missing_files_are_named_and_all_counted(asr: RunAsr, tmp_path: Path) -> None:
    path = written(tmp_path / "m.jsonl", *(line(f"u{i:02}", text="A" * (i + 3)) for i in range(12)))
    out = asr("doctor", path, "--workers", 2).out
    assert "error    missing-sound                12  100.00 %   u00, u01, u02\n" in out
    listed = out.split("12 sound files are missing, the first of them:\n")[1].splitlines()
    assert listed[:10] == [f"  line {i + 1}: {tmp_path}/u{i:02}.wav: no such file" for i in range(10)]
    assert len(listed) == 10


def test_fix_says_what_it_did(asr: RunAsr, bad: Path, tmp_path: Path) -> None:
    fixed = tmp_path / "new" / "clean.jsonl"
    before = bad.read_bytes()
    result = asr("doctor", bad, "--no-audio", "--fix", fixed)
    assert result.code == 1  # of the manifest as it is
    assert result.out.endswith(
        f"\n{fixed}: 3 lines kept\n"
        "  left out 1: empty-text\n"
        "  left out 1: broken-line\n"
        "  corrected 1: white-space\n"
        "  corrected 1: doubled-id\n"
    )
    assert bad.read_bytes() == before
    records = [json.loads(text) for text in fixed.read_text().splitlines()]
    assert [(r["id"], r["text"], r["audio_filepath"]) for r in records] == [
        ("a", "THE DOG", "../a.wav"),
        ("b", "A FOX", "../b.wav"),
        ("a-5", "THE DOG", "../a.wav"),
    ]
    again = asr("doctor", fixed, "--no-audio", "--json")
    assert again.code == 0


def test_refusals(refusal: Refusal, good: Path, model_folder: Path, tmp_path: Path) -> None:
    assert refusal("doctor", tmp_path / "gone.jsonl") == f"{tmp_path / 'gone.jsonl'}: no such file"
    assert "cannot be read" in refusal("doctor", tmp_path)
    assert "no utterances" in refusal("doctor", written(tmp_path / "empty.jsonl", ""))
    assert refusal("doctor", "/dev/null").startswith("/dev/null: is a pipe or a device")
    assert "no such file" in refusal("doctor", good, "--no-audio", "--against", tmp_path / "gone.jsonl")
    assert "never changed" in refusal("doctor", good, "--no-audio", "--fix", good)
    assert "clean one at a time" in refusal("doctor", good, good, "--fix", tmp_path / "new.jsonl")
    assert "give only one" in refusal("doctor", good, "--conf", "conf/an4.yaml", "--model", model_folder)
    assert "no such settings file" in refusal("doctor", good, "--conf", tmp_path / "gone.yaml")
    assert "no such model folder" in refusal("doctor", good, "--model", tmp_path / "gone")


def test_model_and_settings_say_what_the_texts_have_to_fit(asr: RunAsr, model_folder: Path, tmp_path: Path) -> None:
    path = written(
        tmp_path / "m.jsonl", line("a", text="THE dOG"), line("b", text=" ".join(["A FOX"] * 9), duration=1.0)
    )
    kinds = {
        options: [
            json.loads(text).get("kind")
            for text in asr("doctor", path, "--no-audio", "--json", *options).out.splitlines()
        ]
        for options in ((), ("--model", model_folder), ("--conf", "conf/an4.yaml"))
    }
    # 53 letters in 26, and with the smaller subsampling of AN4's settings in 31 frames.
    assert kinds == {
        (): ["repetition", "too-short-for-text", None],
        ("--model", model_folder): ["outside-alphabet", "repetition", "too-short-for-text", None],
        ("--conf", "conf/an4.yaml"): ["repetition", "too-short-for-text", None],
    }


def test_names_that_a_terminal_would_act_on(asr: RunAsr, tmp_path: Path) -> None:
    path = written(tmp_path / "m.jsonl", line("\x1b[2J", text=" "))
    out = asr("doctor", path, "--no-audio").out
    assert "\x1b" not in out
    assert "\\x1b[2J" in out
