"""Reading and pairing references and hypotheses."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from asr.errors import ScoringError
from asr.scoring import Matching, Notation, pair, read_texts, score


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("", []),
        ("\n", [""]),
        ("A B\nC", ["A B", "C"]),
        ("A B\n\nC\n", ["A B", "", "C"]),
        ("A\r\n\r\nB\r\n", ["A", "", "B"]),
        ("A\u2028B\u0085C\x0bD\x1cE\x0cF\nG\n", ["A\u2028B\u0085C\x0bD\x1cE\x0cF", "G"]),
        (b"\xef\xbb\xbfA\n", ["A"]),
        ("{A}\tB\n", ["{A}\tB"]),
    ],
)
def test_plain_text_has_one_utterance_a_line(tmp_path: Path, content: str | bytes, lines: list[str]) -> None:
    texts = read_texts(written(tmp_path / "a.txt", content))
    assert list(texts.values()) == lines
    assert list(texts) == [str(number + 1) for number in range(len(lines))]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "A.JSONL"])
def test_json_lines_have_ids_or_names_of_sound_files(tmp_path: Path, name: str) -> None:
    content = (
        '{"text": "A\u2028B", "id": "x", "audio_filepath": "y.wav"}\n\n'
        '{"text": "", "id": 7}\r\n{"text": "C", "audio_filepath": "d/z.1.wav", "id": null}'
    )
    assert read_texts(written(tmp_path / name, content)) == {"x": "A\u2028B", "7": "", "z.1": "C"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("A B", "line 2: not JSON"),
        ('{"text": "A", "id": ' + "1" * 5000 + "}", "line 2: not JSON"),
        ("[" * 100_000, "line 2: not JSON"),
        ('["A"]', "line 2: expected a JSON object, found list"),
        ('{"id": "y"}', 'line 2: the key "text" is missing'),
        ('{"id": "y", "text": null}', 'line 2: "text" is None'),
        ('{"text": "A"}', 'line 2: expected an "id"'),
        ('{"text": "A", "id": ["y"], "audio_filepath": "z.wav"}', 'line 2: expected an "id"'),
        ('{"text": "A", "id": true}', 'line 2: expected an "id"'),
        ('{"text": "B", "audio_filepath": "d/x.wav"}', "line 2: the id 'x' stands twice"),
        ('{"text": "A \\ud83d", "id": "y"}', "line 2: half of a surrogate pair"),
    ],
)
def test_broken_json_lines_are_refused(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path / "a.jsonl", '{"text": "A", "id": "x"}\n' + line + "\n")
    with pytest.raises(ScoringError, match="a.jsonl, " + message):
        read_texts(path)


def test_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScoringError, match=r"none\.txt: no such file"):
        read_texts(tmp_path / "none.txt")
    with pytest.raises(ScoringError, match="is a folder without files"):
        read_texts(tmp_path)
    with pytest.raises(ScoringError, match="line 3: not UTF-8"):
        read_texts(written(tmp_path / "latin.txt", "A\nB\nÜ\n".encode("latin-1")))


def test_json_lines_are_paired_by_id_in_the_order_of_the_references(tmp_path: Path) -> None:
    references = written(tmp_path / "r.jsonl", '{"text": "A", "id": "x"}\n{"text": "B", "audio_filepath": "y.wav"}\n')
    hypotheses = written(tmp_path / "h.json", '{"text": "BB", "id": "y"}\n{"text": "AA", "id": "x"}\n')
    pairs = pair(references, hypotheses)
    assert (pairs.ids, pairs.references, pairs.hypotheses) == (("x", "y"), ("A", "B"), ("AA", "BB"))
    assert score(pairs.references, pairs.hypotheses, ids=pairs.ids).wer == 1


def test_plain_texts_are_paired_by_line(tmp_path: Path) -> None:
    pairs = pair(written(tmp_path / "r", "A\n\nB\n"), written(tmp_path / "h.txt", "\nX\nB"))
    assert (pairs.ids, pairs.references, pairs.hypotheses) == (("1", "2", "3"), ("A", "", "B"), ("", "X", "B"))


def test_different_line_counts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScoringError, match=r"r.txt has 3 lines and .*h.txt has 2"):
        pair(written(tmp_path / "r.txt", "A\nB\n\n"), written(tmp_path / "h.txt", "A\nB\n"))


def test_different_kinds_of_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScoringError, match=r"r.jsonl is JSON lines and .*h.txt is plain text, which cannot be matched"):
        pair(written(tmp_path / "r.jsonl", '{"text": "A", "id": "x"}\n'), written(tmp_path / "h.txt", "A\n"))


def test_unmatched_ids_are_named_and_counted(tmp_path: Path) -> None:
    def manifest(name: str, ids: Iterable[object]) -> Path:
        return written(tmp_path / name, "".join(json.dumps({"text": "A", "id": id}) + "\n" for id in ids))

    references = manifest("r.jsonl", [f"u{n:02}" for n in range(14)])
    with pytest.raises(ScoringError) as missing:
        pair(references, manifest("h.jsonl", ["u00", "u01", "new"]))
    assert "12 of 14 ids of the references are missing: u02, u03," in str(missing.value)
    assert "u11 and 2 more; 1 ids are not among the references: new" in str(missing.value)
    assert "u12" not in str(missing.value)


# --- what recognisers and other scorers write -------------------------------------------------------------------------

NEMO = (
    '{"audio_filepath": "a.wav", "duration": 1.0, "text": "A B", "pred_text": "A C"}\n'
    '{"audio_filepath": "b.wav", "duration": 1.0, "text": "D", "pred_text": ""}\n'
)


def test_hypotheses_of_nemo_are_what_was_recognised_not_the_reference_beside_it(tmp_path: Path) -> None:
    nemo = written(tmp_path / "nemo.jsonl", NEMO)
    manifest = written(tmp_path / "r.jsonl", '{"text": "A B", "id": "a"}\n{"text": "D", "id": "b"}\n')
    for references in (manifest, nemo):
        pairs = pair(references, nemo)
        assert (pairs.references, pairs.hypotheses) == (("A B", "D"), ("A C", ""))
    assert score(pairs.references, pairs.hypotheses).wer == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "A", "id": "y"}', 'line 2: the key "pred_text" is missing, which other lines have'),
        ('{"text": "A", "pred_text": null, "id": "y"}', 'line 2: "pred_text" is None, expected a text'),
    ],
)
def test_hypotheses_that_are_missing_are_not_taken_from_the_reference(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path / "h.jsonl", '{"text": "A", "pred_text": "B", "id": "x"}\n' + line)
    with pytest.raises(ScoringError, match=message):
        read_texts(path, recognised=True)


def test_a_hypothesis_in_one_of_two_places_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "h.jsonl", '{"text": "A", "pred_text_beam": "B", "id": "x"}')
    with pytest.raises(ScoringError, match='may stand in "text" or in "pred_text_beam"; call it "pred_text"'):
        read_texts(path, recognised=True)
    assert read_texts(path) == {"x": "A"}


# --- trn --------------------------------------------------------------------------------------------------------------


def test_trn_has_ids_alternatives_and_optional_words_in_references_only(tmp_path: Path) -> None:
    references = written(
        tmp_path / "r.trn", ";; a comment\ni am a (farmer) (s_1)\n\n{ um / @ } the { cat / bat } (S_1) \r\n(my id)\n"
    )
    hypotheses = written(tmp_path / "h.txt", "(my id)\nbat { cat / bat } (S_1)\ni am a (s_1)\n")
    pairs = pair(references, hypotheses)
    assert pairs.ids == ("s_1", "S_1", "my id")
    assert pairs.hypotheses == ("i am a", "bat { cat / bat }", "")
    assert list(pairs.notes) == [
        f"{path}: read as trn, with the id in the last parentheses of a line" for path in (references, hypotheses)
    ]
    counted = [utterance.errors for utterance in score(pairs.references, pairs.hypotheses).utterances]
    assert counted == [0, 5, 0]  # in a hypothesis, each sign is a word: one is right if "the" is deleted


def test_trn_matches_json_lines_by_id_and_takes_options(tmp_path: Path) -> None:
    references = written(tmp_path / "r.trn", "i was (th-) there (a)\nx (b c) (b)\n")
    hypotheses = written(tmp_path / "h.jsonl", '{"id": "b", "text": "x"}\n{"id": "a", "text": "i was the there"}\n')
    pairs = pair(references, hypotheses)
    assert score(pairs.references, pairs.hypotheses).errors == 3
    assert "line 2: (b c) is no optional word, as it has a blank" in pairs.notes[-1]
    assert (
        score(pair(references, hypotheses, notation=Notation(fragments=True)).references, pairs.hypotheses).errors == 2
    )
    strict = pair(references, hypotheses, notation=Notation(optional_words=False))
    assert strict.references[0].text == "i was (th-) there"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.trn", "a b (x)\nc d\n", "r.trn, line 2: expected words and then the id in parentheses, found 'c d'"),
        ("r.trn", "a b ( )\n", "r.trn, line 1: expected words and then the id"),
        ("r.trn", "a (x)\n\nb (x)\n", "r.trn, line 3: the id 'x' stands twice, before in line 1"),
        ("r.trn", "a (x)\nb { c / d (y)\n", "r.trn, line 2, column 3: alternatives without"),
    ],
)
def test_broken_trn_is_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(ScoringError, match=re.escape(message)):
        pair(written(tmp_path / name, content), written(tmp_path / "h.trn", "a (x)\nb (y)\n"))


def test_text_with_a_remark_in_parentheses_stays_text(tmp_path: Path) -> None:
    for content in ("hello (laughs)\n", "hello (laughs)\nyes (laughs)\n", "one (a)\ntwo\n"):
        path = written(tmp_path / "a.txt", content)
        assert pair(path, path).ids[0] == "1"


def test_missing_hypotheses_are_refused_deleted_or_left_out(tmp_path: Path) -> None:
    references = written(tmp_path / "r.trn", "one two three four (u1)\nfive six (u2)\n(u3)\n")
    hypotheses = written(tmp_path / "h.trn", "one too three four (u1)\nnoise (u3)\n")
    with pytest.raises(
        ScoringError, match=r"1 of 3 ids of the references are missing: u2\. Give them, or choose with --missing"
    ):
        pair(references, hypotheses)
    for missing, counts, wer in (("deleted", (1, 2, 1), 4 / 6), ("left-out", (1, 0, 1), 2 / 4)):
        pairs = pair(references, hypotheses, matching=Matching(missing=missing))
        result = score(pairs.references, pairs.hypotheses, ids=pairs.ids)
        assert (result.substitutions, result.deletions, result.insertions) == counts
        assert result.wer == wer
        assert "1 of 3 ids of the references are missing" in pairs.notes[-1]
    with pytest.raises(ScoringError, match="expected refused, deleted or left-out"):
        pair(references, hypotheses, matching=Matching(missing="ignored"))
    with pytest.raises(ScoringError, match="1 ids are not among the references: u3"):
        pair(written(tmp_path / "two.trn", "a (u1)\nb (u2)\n"), references, matching=Matching(missing="deleted"))


def test_extra_and_doubled_ids_are_refused_or_said(tmp_path: Path) -> None:
    references = written(tmp_path / "r.trn", "a (u1)\nb (u2)\n")
    hypotheses = written(tmp_path / "h.trn", "a (u1)\nx (u2)\nb (u2)\nc (u3)\na (u1)\n")
    with pytest.raises(
        ScoringError, match=re.escape("line 3: the id 'u2' stands twice, before in line 2; so do 1 more: u1")
    ):
        pair(references, hypotheses)
    for doubled, text in (("first", "x"), ("last", "b")):
        with pytest.raises(ScoringError, match=r"not among the references: u3\. Give the same ids on both sides, or"):
            pair(references, hypotheses, matching=Matching(doubled=doubled))
        pairs = pair(references, hypotheses, matching=Matching(doubled=doubled, extra="left-out"))
        assert (pairs.ids, pairs.hypotheses) == (("u1", "u2"), ("a", text))
        assert f"2 ids stand twice, the {doubled} counts: u2, u1" in " ".join(pairs.notes)
    with pytest.raises(ScoringError, match="found 'none' for doubled ids; expected refused, first or last"):
        pair(references, hypotheses, matching=Matching(doubled="none"))
