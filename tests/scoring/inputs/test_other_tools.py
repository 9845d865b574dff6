"""The output of other recognisers, and of asr: which text is the hypothesis, and what it is matched by."""

import json
import re
from pathlib import Path

import pytest

from asr.errors import ScoringError
from asr.formats.document import Document
from asr.formats.json import body as json_body
from asr.formats.json import failure
from asr.formats.tsv import body as tsv_body
from asr.scoring import pair, read_texts, score
from asr.scoring.systems import score_files
from asr.transcript import Segment, Transcript, Word
from tests.support.command_line import written


def test_one_file_of_nemo_has_both_sides(tmp_path: Path) -> None:
    nemo = written(
        tmp_path / "out.json",
        {"audio_filepath": "a.wav", "duration": 1.0, "text": "A B", "pred_text": "A C"},
        {"audio_filepath": "b.wav", "duration": 1.0, "text": "D", "pred_text": ""},
    )
    (system,) = score_files(nemo, [])
    assert (system.score.errors, system.score.num_words) == (2, 3)
    with pytest.raises(ScoringError, match=r'r.jsonl: has no hypotheses in "pred_text" beside a "text"'):
        score_files(written(tmp_path / "r.jsonl", {"id": "a", "text": "A"}), [])


def test_sounds_of_the_same_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    references = written(
        tmp_path / "r.jsonl",
        *({"audio_filepath": f"spk{n}/001.wav", "duration": 1.0, "text": f"T{n}"} for n in (1, 2)),
    )
    hypotheses = written(
        tmp_path / "h.jsonl",
        *({"audio_filepath": f"/data/spk{n}/001.flac", "text": "", "pred_text": f"T{n}"} for n in (2, 1)),
    )
    pairs = pair(references, hypotheses)
    assert (pairs.ids, pairs.hypotheses) == (("spk1/001", "spk2/001"), ("T1", "T2"))


def test_parts_of_one_sound_are_told_apart_by_offset_and_channel(tmp_path: Path) -> None:
    lines = [{"audio_filepath": "a.wav", "offset": offset, "text": str(offset)} for offset in (0.0, 1.5)]
    lines.append({"audio_filepath": "a.wav", "offset": 1.5, "channel_selector": 1, "text": "other"})
    assert list(read_texts(written(tmp_path / "m.jsonl", *lines))) == ["a", "a-00001500", "a-00001500-channel1"]


def test_a_manifest_with_ids_is_matched_with_results_that_only_name_the_sound(tmp_path: Path) -> None:
    references = written(
        tmp_path / "r.jsonl",
        *(
            {"id": n, "audio_filepath": f"wav/talk{n}.wav", "text": "x", "speaker": f"s{n}", "n": [1], "m": 10**400}
            for n in (1, 2)
        ),
    )
    hypotheses = written(tmp_path / "h.jsonl", *({"audio_filepath": f"talk{n}.wav", "text": "y"} for n in (2, 1)))
    pairs = pair(references, hypotheses)
    assert pairs.ids == ("1", "2")
    assert [dict(facts) for facts in pairs.facts] == [
        {"speaker": f"s{n}", "audio_filepath": f"wav/talk{n}.wav"} for n in (1, 2)
    ]


def test_whisper_names_the_recording_by_the_file(tmp_path: Path) -> None:
    references = written(tmp_path / "r.tsv", "talk\tthe cat")
    whisper = tmp_path / "talk.json"
    for indent in (None, 2):
        record = {"text": " the cat", "segments": [{"id": 0, "text": " the cat"}], "language": "en"}
        whisper.write_text(json.dumps(record, indent=indent))
        pairs = pair(references, whisper)
        assert (pairs.ids, pairs.hypotheses) == (("talk",), ("the cat",))
    table = written(tmp_path / "talk.tsv", "start\tend\ttext", "0\t500\tthe", "500\t900\tcat")
    assert pair(references, table).hypotheses == ("the cat",)


def transcript(source: str, *words: str) -> Transcript:
    told = tuple(Word(word, float(n), n + 0.5, 1.0) for n, word in enumerate(words))
    return Transcript((Segment(told),) if told else (), 9.0, 0.0, source)


def test_transcripts_of_asr_are_read_as_json_and_as_a_table(tmp_path: Path) -> None:
    documents = [Document.of(transcript("wav/a.wav", "the", "cat")), Document.of(transcript("wav/b.wav", '"so"'))]
    references = written(
        tmp_path / "r.jsonl",
        *(
            {"id": f"u-{n}", "audio_filepath": f"{n}.wav", "text": text}
            for n, text in (("a", "the cat"), ("b", '"so"'))
        ),
    )
    (tmp_path / "h.jsonl").write_text("".join(map(json_body, documents)))
    pairs = pair(references, tmp_path / "h.jsonl")
    assert (pairs.ids, pairs.hypotheses) == (("u-a", "u-b"), ("the cat", '"so"'))
    assert pairs.times == ([(0.0, 0.5), (1.0, 1.5)], [(0.0, 0.5)])
    head = "source\tchannel\tstart\tend\ttext\n"
    (tmp_path / "h.tsv").write_text(head + "".join(map(tsv_body, documents)))
    assert pair(references, tmp_path / "h.tsv").hypotheses == ("the cat", '"so"')


def test_a_recording_that_failed_has_no_hypothesis(tmp_path: Path) -> None:
    references = written(tmp_path / "r.jsonl", {"id": "a", "text": "x"}, {"id": "b", "text": "y"})
    body = json_body(Document.of(transcript("a.wav", "x"))) + failure("b", "b.wav", "is broken")
    (tmp_path / "h.jsonl").write_text(body)
    with pytest.raises(ScoringError, match="1 of 2 ids of the references are missing: b"):
        pair(references, tmp_path / "h.jsonl")
    (tmp_path / "h.jsonl").write_text(body + '{"id": "b", "text": "y"}\n')
    assert pair(references, tmp_path / "h.jsonl").hypotheses == ("x", "y")


def test_quotation_marks_in_tables_are_text(tmp_path: Path) -> None:
    table = written(
        tmp_path / "a.tsv", "client_id\tpath\tsentence\tage", '7\tx.mp3\t"Oh, he said\ttwenties', '7\ty.mp3\tno"\t'
    )
    assert read_texts(table) == {"x": '"Oh, he said', "y": 'no"'}
    pairs = pair(table, written(tmp_path / "h.tsv", "path\ttext\tpred_text", "x.mp3\tref\toh", "y.mp3\tref\tno"))
    assert (pairs.hypotheses, dict(pairs.facts[0])) == (
        ("oh", "no"),
        {"client_id": "7", "path": "x.mp3", "age": "twenties"},
    )
    for lines, message in (
        (["id\ttext", "a\tb\tc"], "a.tsv, line 2: found 3 columns separated by tabs, expected 2"),
        (["id\ttext", "\tb"], "a.tsv, line 2: expected an id or the path of the sound"),
        (["id\ttext\thypothesis", "a\tb\tc"], 'the hypothesis may stand in "text" or in "hypothesis"'),
    ):
        with pytest.raises(ScoringError, match=re.escape(message)):
            read_texts(written(table, *lines), recognised=True)


def test_ids_with_spaces_and_other_scripts_are_ids(tmp_path: Path) -> None:
    ids = ["my id", "שלום", "<b>"]
    references = written(tmp_path / "r.trn", *(f"a ({id})" for id in ids))
    hypotheses = written(tmp_path / "h.jsonl", *({"id": id, "text": "a"} for id in ids))
    pairs = pair(references, hypotheses)
    assert pairs.ids == tuple(ids)
    assert score(pairs.references, pairs.hypotheses, ids=pairs.ids).errors == 0
