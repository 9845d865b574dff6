"""The doctor finds each fault that was planted, and nothing else; what it mends is well."""

import json
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from asr.corpus.doctor.findings import Kind
from asr.corpus.doctor.repair import Repairs
from asr.corpus.doctor.requirements import Requirements
from asr.corpus.manifest import read_manifest
from asr.errors import ManifestError, OutputError
from asr.model_settings import ModelSettings
from asr.tokens import Tokens, TokenSettings
from tests.support.command_line import ROOT
from tests.support.sick_corpus import CLEAN, RATE, Corpus, ask, sound, text_of

PLANTED = {
    "gone": Kind.MISSING_SOUND,
    "words": Kind.UNREADABLE_SOUND,
    "cut": Kind.TRUNCATED_SOUND,
    "nan": Kind.NOT_FINITE,
    "zeros": Kind.SILENT,
    "lies": Kind.WRONG_DURATION,
    "hour": Kind.TOO_LONG,
    "crowded": Kind.TOO_SHORT,
    "mute": Kind.EMPTY_TEXT,
    "nfd": Kind.UNICODE_FORM,
    "copied": Kind.SOUND_OVERLAP,
    "voice": Kind.SPEAKER_OVERLAP,
    "read": Kind.TEXT_OVERLAP,
    "twin": Kind.DUPLICATE_SOUND,
    "again": Kind.DUPLICATE_TEXT,
    "spaces": Kind.WHITE_SPACE,
    "windows": Kind.LINE_END,
    "seven": Kind.RARE_CHARACTER,
    "slow": Kind.SPEAKING_RATE,
    "phone": Kind.MIXED_RATES,
    "whisper": Kind.QUIET,
    "loud": Kind.CLIPPED,
    "lifted": Kind.DC_OFFSET,
    "train1": Kind.DOUBLED_ID,
}


@pytest.fixture(scope="module")
def ill(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A manifest with each fault once, and the dev set that it overlaps with."""
    folder = tmp_path_factory.mktemp("ill")
    dev = Corpus(folder, "dev", first=1000, count=5).write()
    corpus = Corpus(folder, "train", first=0, count=CLEAN)
    for id in ("gone", "words", "cut"):
        corpus.add(id, 100 + len(corpus.lines))
    wav = folder / "wav"
    (wav / "gone.wav").unlink()
    (wav / "words.wav").write_text("these are words, not samples")
    (wav / "cut.wav").write_bytes((wav / "cut.wav").read_bytes()[:-2000])
    broken = sound(200)
    broken[500] = np.nan
    corpus.add("nan", 200, broken)
    corpus.add("zeros", 201, np.full(RATE, 0.3))
    corpus.add("lies", 202, duration=1.5)
    corpus.add(
        "hour", 203, sound(203, seconds=130, rate=4000), rate=4000, text=" ".join(map(text_of, range(2000, 2130)))
    )
    corpus.add("crowded", 204, sound(204, seconds=0.3), text="ABABABABAB AB")
    corpus.add("mute", 205, text=" ")
    corpus.add("nfd", 206, text=unicodedata.normalize("NFD", "ÄCE GIÄ BÄ"))
    corpus.add("copied", 207, sound(1001))
    corpus.add("voice", 208, speaker="dev")
    corpus.add("read", 209, text=text_of(1002))
    corpus.add("twin", 210, sound(0))
    corpus.add("again", 211, text=text_of(1))
    corpus.add("spaces", 212, text="ABC \u00a0DEF GH\r")
    corpus.add("windows", 213, crlf=True)
    corpus.add("seven", 214, text="ABC DE 7")
    corpus.add("slow", 215, sound(215, seconds=5))
    corpus.add("phone", 216, sound(216, rate=8000), rate=8000)
    corpus.add("whisper", 217, sound(217) / 100)
    corpus.add("loud", 218, np.clip(sound(218) * 8, -1, 1))
    corpus.add("lifted", 219, sound(219) + 0.1)
    corpus.add("other", 220)
    corpus.lines[-1] = corpus.lines[-1].replace('"id": "other"', '"id": "train1"')
    corpus.lines += ["{", "\udcff\udcfe", '{"audio_filepath": "a.wav", "duration": 1}']
    return corpus.write(), dev


def test_each_fault_is_found_and_nothing_else(ill: tuple[Path, Path]) -> None:
    manifest, dev = ill
    findings, report = ask(manifest, against=[dev], workers=2)
    found = Counter((f.utterance, f.kind) for f in findings if f.kind is not Kind.BROKEN_LINE)
    # A recording of minutes at 4 kHz is at another rate, too.
    assert found == Counter([*PLANTED.items(), ("hour", Kind.MIXED_RATES)])
    broken = [(f.line, f.detail) for f in findings if f.kind is Kind.BROKEN_LINE]
    number = CLEAN + len(PLANTED)
    assert [line for line, _ in broken] == [number + 1, number + 2, number + 3]
    assert [detail.split(":")[0] for _, detail in broken] == [
        "not JSON",
        "not UTF-8 text; convert the file to UTF-8",
        "the key 'text' is missing",
    ]
    assert report.counts == Counter(finding.kind for finding in findings)
    assert report.rare == {"7": 1}
    assert report.num_lines == CLEAN + len(PLANTED) + 3


def test_what_the_findings_say(ill: tuple[Path, Path]) -> None:
    manifest, dev = ill
    details = {f.kind: f.detail for f in ask(manifest, against=[dev], workers=1)[0] if f.utterance != "hour"}
    assert details[Kind.MISSING_SOUND] == f"{manifest.parent}/wav/gone.wav: no such file"
    assert details[Kind.WRONG_DURATION] == "the manifest says 1.500 s, the file has 1.000 s"
    # 4363 samples at speed 1.1, hop 160, subsampling 4.
    assert details[Kind.TOO_SHORT] == "0.30 s make 7 frames, the text takes 13"
    assert "U+0308 COMBINING DIAERESIS" in details[Kind.UNICODE_FORM]
    assert details[Kind.WHITE_SPACE] == "holds '\\xa0' (U+00A0 NO-BREAK SPACE), '\\r' (U+000D without a name)"
    assert details[Kind.RARE_CHARACTER] == "'7' (U+0037 DIGIT SEVEN), in 1 of all texts"
    assert details[Kind.DUPLICATE_SOUND] == "the same as on line 1"
    assert details[Kind.DUPLICATE_TEXT] == "the same as on line 2"
    assert details[Kind.DOUBLED_ID] == "the same as on line 2"
    assert details[Kind.SPEAKER_OVERLAP] == f"also in {dev}"
    assert details[Kind.SPEAKING_RATE] == "2.0 characters a second, the median is 10.0"
    assert details[Kind.DC_OFFSET] == "the mean of the samples is +0.100 of full scale"


def test_the_order_and_the_findings_do_not_depend_on_the_number_of_workers(ill: tuple[Path, Path]) -> None:
    manifest, dev = ill
    one, three = (ask(manifest, against=[dev], workers=workers) for workers in (1, 3))
    assert one == three


def test_lines_that_need_no_second_look_are_told_from_those_that_do(ill: tuple[Path, Path], tmp_path: Path) -> None:
    """A rare character makes each line be looked at twice; without it, only those that may have a finding are."""
    manifest, dev = ill
    others = tmp_path / "others.jsonl"
    lines = manifest.read_bytes().replace(b'"wav/', f'"{manifest.parent}/wav/'.encode()).split(b"\n")
    others.write_bytes(b"\n".join(line for line in lines if b'"seven"' not in line))
    every, report = ask(others, against=[dev], workers=1)
    assert report.rare == {}
    expected = [(f.utterance, f.kind) for f in ask(manifest, against=[dev], workers=1)[0] if f.utterance != "seven"]
    assert [(finding.utterance, finding.kind) for finding in every] == expected


def test_a_clean_corpus_has_no_findings(tmp_path: Path) -> None:
    dev = Corpus(tmp_path, "dev", first=500, count=5).write()
    train = Corpus(tmp_path, "train", first=0, count=CLEAN).write()
    for workers in (None, 2):
        findings, report = ask(train, against=[dev], workers=workers)
        assert (findings, report.notes, report.num_errors, report.rare) == ([], [], 0, {})
        assert report.seconds == CLEAN


def test_what_is_mended_is_well_and_the_original_untouched(ill: tuple[Path, Path], tmp_path: Path) -> None:
    manifest, dev = ill
    before = manifest.read_bytes()
    fixed = tmp_path / "elsewhere" / "clean.jsonl"
    _, report = ask(manifest, against=[dev], workers=2, fix=fixed)
    assert manifest.read_bytes() == before
    dropped = ["gone", "words", "cut", "nan", "zeros", "hour", "crowded", "mute", "copied"]
    assert report.repairs == Repairs(
        kept=report.num_lines - len(dropped) - 3,
        dropped=Counter({Kind.BROKEN_LINE: 3, **{PLANTED[id]: 1 for id in dropped}}),
        changed=Counter(
            dict.fromkeys((Kind.WRONG_DURATION, Kind.UNICODE_FORM, Kind.WHITE_SPACE, Kind.LINE_END, Kind.DOUBLED_ID), 1)
        ),
    )
    _, again = ask(fixed, against=[dev], workers=2)
    assert again.num_errors == 0
    mended = {utterance.id: utterance for utterance in read_manifest(fixed)}  # all files are found
    assert len(mended) == report.repairs.kept
    assert mended["lies"].duration == 1.0
    assert mended["nfd"].text == "ÄCE GIÄ BÄ"
    assert mended["spaces"].text == "ABC DEF GH"
    assert mended["train1-84"].audio_filepath.name == "other.wav"
    assert all(json.loads(line)["lang"] == "x" for line in fixed.read_bytes().split(b"\n")[:-1])
    assert b"\r" not in fixed.read_bytes()


def test_beside_the_original_good_lines_stay_to_the_letter(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, "train", first=0, count=3)
    corpus.lines.insert(1, "{")
    corpus.lines[0] = corpus.lines[0].replace(", ", ",   ")
    ask(corpus.write(), fix=tmp_path / "clean.jsonl")
    assert (tmp_path / "clean.jsonl").read_text().splitlines() == [x for x in corpus.lines if x != "{"]


def test_no_manifest_that_is_read_is_written_over(tmp_path: Path) -> None:
    train = Corpus(tmp_path, "train", first=0, count=1).write()
    dev = Corpus(tmp_path, "dev", first=5, count=1).write()
    (tmp_path / "link.jsonl").symlink_to(train)
    (tmp_path / "hard.jsonl").hardlink_to(dev)
    for name in ("train.jsonl", "link.jsonl", "hard.jsonl", "wav/../dev.jsonl"):
        with pytest.raises(OutputError, match="never changed; give another name"):
            ask(train, against=[dev], fix=tmp_path / name)


def test_nothing_is_written_where_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text("{\n")
    with pytest.raises(ManifestError, match="no utterance can be used"):
        ask(tmp_path / "m.jsonl", fix=tmp_path / "clean.jsonl")
    assert not (tmp_path / "clean.jsonl").exists()


def test_the_alphabet_of_a_model(tmp_path: Path) -> None:
    tokens, _ = Tokens.train(["ABC DEFG HIJ"], TokenSettings())
    corpus = Corpus(tmp_path, "train", first=0, count=5)
    corpus.add("new", 9, text="ABC xÉ")
    expected = Requirements(ModelSettings(), fastest=1.0, tokens=tokens, characters=False)
    findings, _ = ask(corpus.write(), expected)
    assert [(f.utterance, f.kind) for f in findings] == [("new", Kind.OUTSIDE_ALPHABET)]
    assert findings[0].detail == "'x' (U+0078 LATIN SMALL LETTER X), 'É' (U+00C9 LATIN CAPITAL LETTER E WITH ACUTE)"


def test_what_only_dev_has_cannot_be_learnt(tmp_path: Path) -> None:
    dev = Corpus(tmp_path, "dev", first=500, count=2)
    dev.add("new", 9, text="ABC Z")
    findings, _ = ask(Corpus(tmp_path, "train", first=0, count=25).write(), against=[dev.write()])
    assert [(f.kind, f.utterance, f.detail.split(":")[0]) for f in findings] == [
        (Kind.NOT_IN_TRAINING, None, "'Z' (U+005A LATIN CAPITAL LETTER Z)")
    ]


def test_what_could_not_be_checked_is_said(tmp_path: Path) -> None:
    train = Corpus(tmp_path, "train", first=0, count=2).write()
    dev = Corpus(tmp_path, "dev", first=500, count=1)
    dev.lines = [dev.lines[0].replace('"speaker": "dev"', '"speaker": null'), "{"]
    pieces = Requirements(ModelSettings(), fastest=1.0, tokens=None, characters=False)
    notes = ask(train, pieces, against=[dev.write()])[1].notes
    assert [note.split(":")[0] for note in notes] == [
        "the tokens are still to be learnt",
        f"overlap of speakers with {dev.path} was not checked",
        f"1 broken lines of {dev.path} were left out",
    ]


def test_a_telephone_corpus_is_told_of_its_low_rate_and_not_of_mixed_ones(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, "train", first=0, count=0)
    for number in range(3):
        corpus.add(f"u{number}", number, sound(number, rate=8000), rate=8000)
    assert [f.kind for f in ask(corpus.write(), workers=1)[0]] == [Kind.LOW_RATE] * 3


def test_parts_of_a_file(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path, "train", first=0, count=0)
    corpus.add("long", 0, sound(0, seconds=3), duration=1.0, offset=0.5)
    corpus.lines.append(corpus.lines[0].replace('"offset": 0.5', '"offset": 1.5').replace('"long"', '"second"'))
    corpus.lines.append(corpus.lines[0].replace('"offset": 0.5', '"offset": 2.5').replace('"long"', '"beyond"'))
    corpus.lines.append(corpus.lines[0].replace('"offset": 0.5', '"offset": 3.5').replace('"long"', '"outside"'))
    found = {(f.utterance, f.kind) for f in ask(corpus.write(), workers=1)[0] if f.kind is not Kind.DUPLICATE_TEXT}
    assert found == {("beyond", Kind.WRONG_DURATION), ("outside", Kind.UNREADABLE_SOUND)}


MEASURE = """
import resource, sys
from pathlib import Path
from asr.corpus.doctor.requirements import Requirements
from asr.corpus.doctor.examine import examine
from asr.model_settings import ModelSettings

expected = Requirements(ModelSettings(), fastest=1.0, tokens=None, characters=True)
for path in sys.argv[1:]:
    report = examine(Path(path), expected, progress=lambda *_: None, on_finding=print)
    print(report.num_lines, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_manifest(tmp_path: Path) -> None:
    """The texts alone of 20,000 lines are 9 MB; kept are 58 bytes a line, and about as much again to compare them.

    In a process of its own: the checks of types take memory and ten times as long.
    """
    small, large = tmp_path / "small.jsonl", tmp_path / "large.jsonl"
    line = '{{"audio_filepath": "wav/{0}.wav", "duration": 60.0, "text": "{1} {0}", "id": "{0}", "speaker": "s{2}"}}\n'
    words = " ".join(f"THE {a}{b}W" for a in "ABCDE" for b in "FGHIJKLMNO")
    for path, count in ((small, 2000), (large, 20_000)):
        with path.open("w") as file:
            file.writelines(line.format(f"{i:06}", words, i % 50) for i in range(count))
    command = [sys.executable, "-c", MEASURE, str(small), str(large)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    (few, before), (many, after) = ([int(number) for number in x.split()] for x in result.stdout.splitlines())
    assert (few, many) == (2000, 20_000)
    assert after - before < 5000  # KiB


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "\ud800", "", "m.jsonl/below"])
def test_names_that_no_file_can_have_are_missing(tmp_path: Path, name: str) -> None:
    (tmp_path / "m.jsonl").write_text(json.dumps({"audio_filepath": name, "duration": 1, "text": "AB", "id": "a"}))
    assert [finding.kind for finding in ask(tmp_path / "m.jsonl", workers=1)[0]] == [Kind.MISSING_SOUND]
