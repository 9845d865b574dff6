"""The AN4 recipe: on a small corpus of the same layout, and on the real archive where that is at hand."""

import io
import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile

from asr.corpus.manifest import Utterance, read_manifest
from asr.errors import CorpusError
from recipes.an4 import prepare as module
from recipes.an4.prepare import Manifests, contents_sha256, fetch, prepare

ARCHIVE = Path(__file__).parents[3] / "shared" / "data" / "an4_sphere.tar.gz"

# Recording -> (transcript line without the id, seconds). fjam is one of the speakers held out for dev.
SMALL = {
    "an4_clstk/fjam/an76-fjam-b": ("<s> YES </s>", 0.25),
    "an4_clstk/mabc/cen1-mabc-b": ("<s> H I N I C H </s>", 0.5),
    "an4_clstk/mabc/cen2-mabc-b": ("<s> TWENTY ONE </s>", 0.125),
    "an4test_clstk/fcaw/an406-fcaw-b": ("RUBOUT G M E F THREE NINE", 1.0),
}


def sphere(seconds: float) -> bytes:
    """A NIST SPHERE file by its specification: a header of 1024 bytes, then 16-bit little-endian samples."""
    samples = np.arange(int(seconds * 16000), dtype="<i2")
    lines = ["NIST_1A", "   1024", f"sample_count -i {len(samples)}", "sample_rate -i 16000", "sample_n_bytes -i 2"]
    lines += ["sample_byte_format -s2 01", "channel_count -i 1", "sample_coding -s3 pcm", "end_head", ""]
    return "\n".join(lines).encode().ljust(1024) + samples.tobytes()


def small_files() -> dict[str, bytes]:
    files = {f"wav/{recording}.sph": sphere(seconds) for recording, (_, seconds) in SMALL.items()}
    for split, prefix in (("train", "an4_clstk/"), ("test", "an4test_clstk/")):
        mine = {recording: text for recording, (text, _) in SMALL.items() if recording.startswith(prefix)}
        files[f"etc/an4_{split}.fileids"] = "".join(f"{recording}\n" for recording in mine).encode()
        transcripts = [f"{text} ({recording.split('/')[-1]})\n" for recording, text in mine.items()]
        files[f"etc/an4_{split}.transcription"] = "".join(transcripts).encode()
    return files


def make_archive(path: Path, files: dict[str, bytes], mode: Literal["w", "w:gz", "w:bz2"] = "w:gz") -> Path:
    with tarfile.open(path, mode) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(f"an4/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archive of a corpus of three training recordings and one test recording, which the recipe then expects."""
    archive = make_archive(tmp_path / "small.tar.gz", small_files())
    for name, content in small_files().items():
        (tmp_path / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / name).write_bytes(content)
    monkeypatch.setattr(module, "COUNTS", {"train": 3, "test": 1})
    monkeypatch.setattr(module, "CONTENTS_SHA256", contents_sha256(tmp_path / "files"))
    return archive


def brief(utterances: list[Utterance]) -> list[tuple[str, str, str | None, float]]:
    return [(u.id, u.text, u.speaker, u.duration) for u in utterances]


def test_manifests_of_a_small_corpus(small: Path, tmp_path: Path) -> None:
    made = prepare(small, tmp_path / "an4")
    assert made == Manifests(*(tmp_path / "an4" / f"{name}.jsonl" for name in ("train", "dev", "test")))
    assert brief(read_manifest(made.train)) == [
        ("cen1-mabc-b", "H I N I C H", "mabc", 0.5),
        ("cen2-mabc-b", "TWENTY ONE", "mabc", 0.125),
    ]
    assert brief(read_manifest(made.dev)) == [("an76-fjam-b", "YES", "fjam", 0.25)]
    assert brief(read_manifest(made.test)) == [("an406-fcaw-b", "RUBOUT G M E F THREE NINE", "fcaw", 1.0)]
    sound = json.loads(made.dev.read_text())["audio_filepath"]
    assert sound == "unpacked/an4/wav/an4_clstk/fjam/an76-fjam-b.sph"  # relative: the folder can be moved


def test_another_packing_of_the_same_contents_is_the_same_corpus(small: Path, tmp_path: Path) -> None:
    backwards = dict(reversed(small_files().items()))
    other = make_archive(tmp_path / "other.tar", {"README": b"not used", **backwards}, mode="w")
    a, b = prepare(small, tmp_path / "a"), prepare(other, tmp_path / "b")
    assert a.train.read_bytes() == b.train.read_bytes()


def test_a_second_run_needs_no_archive_but_checks_what_is_there(small: Path, tmp_path: Path) -> None:
    made = prepare(small, tmp_path / "an4")
    before = made.train.read_bytes()
    small.unlink()
    made.train.unlink()
    assert prepare(small, tmp_path / "an4").train.read_bytes() == before

    (tmp_path / "an4/unpacked/an4/wav/an4_clstk/mabc/cen1-mabc-b.sph").write_bytes(sphere(0.75))
    with pytest.raises(CorpusError, match="unpacked: the counts are those of AN4, but not the contents"):
        prepare(small, tmp_path / "an4")


def refusal(archive: Path, tmp_path: Path) -> str:
    """The message with which `archive` is refused; nothing may be left of it."""
    with pytest.raises(CorpusError) as error:
        prepare(archive, tmp_path / "an4")
    assert list((tmp_path / "an4").iterdir()) == []
    message = str(error.value)
    assert message.startswith(str(archive))
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("missing", "found"),
    [
        ("wav/an4_clstk/mabc/cen2-mabc-b.sph", "2 training and 1 test recordings"),
        ("wav/an4test_clstk/fcaw/an406-fcaw-b.sph", "3 training and 0 test recordings"),
        ("etc/an4_train.transcription", "0 training and 1 test transcripts"),
        ("etc/an4_test.fileids", "3 training and 0 test listed recordings"),
    ],
)
@pytest.mark.usefixtures("small")
def test_other_counts_are_refused(tmp_path: Path, missing: str, found: str) -> None:
    files = small_files()
    del files[missing]
    message = refusal(make_archive(tmp_path / "bad.tar.gz", files), tmp_path)
    assert f"found {found}, expected 3 and 1" in message


@pytest.mark.usefixtures("small")
def test_one_recording_too_many_is_refused(tmp_path: Path) -> None:
    files = {**small_files(), "wav/an4_clstk/mabc/cen3-mabc-b.sph": sphere(0.1)}
    assert "found 4 training and 1 test recordings" in refusal(make_archive(tmp_path / "bad.tar.gz", files), tmp_path)


@pytest.mark.parametrize("name", ["wav/an4_clstk/mabc/cen2-mabc-b.sph", "etc/an4_test.transcription"])
@pytest.mark.usefixtures("small")
def test_other_contents_are_refused(tmp_path: Path, name: str) -> None:
    files = small_files()
    files[name] = files[name][:-2] + b"X\n"
    assert "but not the contents" in refusal(make_archive(tmp_path / "bad.tar.gz", files), tmp_path)


@pytest.mark.usefixtures("small")
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "bad.tar.gz", {**small_files(), "../../../evil": b"evil"})
    assert "would leave the folder" in refusal(archive, tmp_path)


def test_fetch_takes_the_given_archive_and_asks_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "download", lambda *_, **__: pytest.fail("must not download"))
    archive = tmp_path / "mine.tar.gz"
    archive.write_bytes(b"")
    assert fetch(tmp_path / "data", archive) == archive
    with pytest.raises(CorpusError, match=r"nowhere\.tar\.gz: no such archive file"):
        fetch(tmp_path / "data", tmp_path / "nowhere.tar.gz")


def test_fetch_downloads_into_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "download", lambda urls, path, sha256: (len(urls) > 1, path))
    assert fetch(tmp_path, None) == (True, tmp_path / "an4_sphere.tar.gz")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    if not ARCHIVE.is_file():
        pytest.skip("the AN4 archive is not at ../shared/data/an4_sphere.tar.gz")
    return prepare(ARCHIVE, tmp_path_factory.mktemp("an4"))


def test_the_real_corpus_has_its_official_sizes(real: Manifests) -> None:
    train, dev, test = (read_manifest(path) for path in (real.train, real.dev, real.test))
    assert (len(train), len(dev), len(test)) == (848, 100, 130)
    assert len({u.id for u in train + dev + test}) == 1078
    # 0.71 h and 0.10 h, as the corpus is described elsewhere.
    assert sum(u.duration for u in train + dev) / 3600 == pytest.approx(0.71, abs=0.005)
    assert sum(u.duration for u in test) / 3600 == pytest.approx(0.10, abs=0.005)


def test_no_speaker_of_the_real_corpus_is_in_two_sets(real: Manifests) -> None:
    train, dev, test = (Counter(u.speaker for u in read_manifest(p)) for p in (real.train, real.dev, real.test))
    assert (len(train), len(dev), len(test)) == (66, 8, 10)
    assert not (set(train) & set(dev) or set(train) & set(test) or set(dev) & set(test))
    assert Counter(speaker[0] for speaker in dev if speaker) == {"f": 2, "m": 6}


def test_dev_speakers_follow_their_rule(real: Manifests) -> None:
    official = Counter(u.speaker or "" for u in read_manifest(real.train) + read_manifest(real.dev))
    chosen = {"msmn"}
    for sex, num_speakers in (("f", 2), ("m", 5)):
        pool = [
            speaker
            for speaker, count in sorted(official.items())
            if speaker[0] == sex and count == 13 and not speaker[-1].isdigit() and f"{speaker}2" not in official
        ]
        chosen |= {pool[(2 * i + 1) * len(pool) // (2 * num_speakers)] for i in range(num_speakers)}
    assert chosen == module.DEV_SPEAKERS


def test_real_transcripts_are_capital_words_only(real: Manifests) -> None:
    texts = {u.id: u.text for path in (real.train, real.dev, real.test) for u in read_manifest(path)}
    assert set("".join(texts.values())) == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    assert all(text == " ".join(text.split()) != "" for text in texts.values())
    assert texts["an255-fash-b"] == "U M N Y H SIX"
    assert texts["an406-fcaw-b"] == "RUBOUT G M E F THREE NINE"


def test_real_recordings_have_the_checksum_of_their_own_header(real: Manifests) -> None:
    """SPHERE headers hold the sum of the samples modulo 2^16: an independent witness that the sound is unaltered."""
    for utterance in read_manifest(real.dev):
        header = utterance.audio_filepath.read_bytes()[:1024].decode("latin-1")
        fields = dict(line.split(" -i ") for line in header.splitlines() if " -i " in line)
        samples, sample_rate = soundfile.read(utterance.audio_filepath, dtype="int16")
        assert sample_rate == 16000
        assert len(samples) == int(fields["sample_count"]) == utterance.duration * 16000
        assert int(samples.astype(np.int64).sum()) % 65536 == int(fields["sample_checksum"])
