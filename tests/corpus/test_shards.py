"""Corpora as tar shards: what is packed is what comes out, and broken shards are told in one line."""

import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
import soundfile

from asr.audio import load_audio, read_sound
from asr.corpus.manifest import Utterance, read_manifest, write_manifest
from asr.corpus.shards import ShardedCorpus, read_index, read_shard, write_shards
from asr.corpus.utterances import load_utterance
from asr.decoders.opening import EncodedSound
from asr.errors import AsrError, AudioError, CorpusError
from asr.training.train import train
from tests.support.command_line import Refusal, RunAsr
from tests.support.small_training import settings_for
from tests.support.sounds import wav_bytes
from tests.support.tones import random_texts, write_corpus


def pack(manifest: Path, folder: Path, shard_bytes: int = 60_000) -> ShardedCorpus:
    return write_shards(manifest, folder, shard_bytes=shard_bytes, progress=lambda *_: None)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_corpus(tmp_path, "train", random_texts(14, seed=1), seed=1)


@pytest.fixture
def folder(manifest: Path, tmp_path: Path) -> Path:
    pack(manifest, tmp_path / "shards")
    return tmp_path / "shards"


def test_what_is_packed_comes_out_in_another_order(manifest: Path, folder: Path) -> None:
    corpus, utterances = read_index(folder), read_manifest(manifest)
    assert len(corpus) == 14
    assert len(corpus.shards) > 3
    assert all(shard.path.stat().st_size <= 60_000 + 20_480 for shard in corpus.shards)  # and tar's padding
    streamed = [pair for shard in corpus.shards for pair in read_shard(shard)]
    assert [u.id for u, _ in streamed] == [u.id for u in corpus]
    assert [u.id for u, _ in streamed] != [u.id for u in utterances]
    assert sorted(u.id for u, _ in streamed) == sorted(u.id for u in utterances)
    by_id = {u.id: u for u in utterances}
    for (utterance, sound), line in zip(streamed, corpus, strict=True):
        original = by_id[utterance.id]
        for packed in (utterance, line):
            assert (packed.text, packed.duration, packed.speaker) == (original.text, original.duration, "synthetic")
            assert packed.offset is None
        assert sound.content == original.audio_filepath.read_bytes()
        assert sound.path == utterance.audio_filepath == line.audio_filepath


def test_other_tools_can_read_the_shards(folder: Path) -> None:
    """As a WebDataset: members of one sample stand together and have one name before the dot."""
    lines = (folder / "manifest.jsonl").read_text().splitlines()
    for shard in read_index(folder).shards:
        with tarfile.open(shard.path) as tar:
            members = tar.getmembers()
            for sound, line in zip(members[::2], members[1::2], strict=True):
                key, suffix = line.name.split(".")
                assert (sound.name, suffix) == (f"{key}.wav", "json")
                record = json.loads(tar.extractfile(line).read())
                assert record["audio_filepath"] == sound.name
                assert json.loads(lines[int(key)])["text"] == record["text"]
                assert soundfile.info(tar.extractfile(sound)).duration == record["duration"]


def test_a_part_of_a_file_is_cut_without_loss(tmp_path: Path) -> None:
    samples = np.arange(-(2**15), 2**15, dtype=np.int16)  # each value there is
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    parts = [Utterance(tmp_path / "a.wav", 1.5, "A", f"u{i}", offset=offset) for i, offset in enumerate([0.0, 2.5])]
    write_manifest(tmp_path / "m.jsonl", parts)
    (shard,) = pack(tmp_path / "m.jsonl", tmp_path / "shards").shards
    for utterance, sound in read_shard(shard):
        original = next(part for part in parts if part.id == utterance.id)
        assert read_sound(sound).encoding == "PCM_16"
        assert sound.path.suffix == ".flac"
        assert np.array_equal(load_utterance(utterance, sound), load_utterance(original))


@pytest.mark.parametrize("name", ["a.json", "a", "a.WAV", "a.Ä"])
def test_whatever_its_name_a_sound_is_a_sound(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(wav_bytes())
    write_manifest(tmp_path / "m.jsonl", [Utterance(tmp_path / name, 1.5, "A\nB", "x/y.z")])
    (shard,) = pack(tmp_path / "m.jsonl", tmp_path / "shards").shards
    ((utterance, sound),) = read_shard(shard)
    assert (utterance.id, utterance.text) == ("x/y.z", "A\nB")
    assert np.array_equal(load_audio(sound), load_audio(tmp_path / name))


def test_a_folder_that_is_there_is_left_alone_and_nothing_half_done_stays(manifest: Path, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(CorpusError, match="is there already; remove it"):
        pack(manifest, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before

    def gone_half_way(name: str, done: int, total: int) -> None:
        if done == 7:
            for path in manifest.with_suffix("").iterdir():
                path.unlink()

    with pytest.raises(AudioError, match=r"train\d+\.wav: cannot be read \(No such file"):
        write_shards(manifest, folder.with_name("other"), shard_bytes=60_000, progress=gone_half_way)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["shards", "train", "train.jsonl"]


# --- broken shards ----------------------------------------------------------------------------------------------------


def refused(folder: Path) -> str:
    """The one line that says what is wrong with the shards."""
    with pytest.raises(CorpusError) as caught:
        corpus = read_index(folder)
        list(corpus)
        for shard in corpus.shards:
            list(read_shard(shard))
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{folder}/")


def change_index(folder: Path, shard: int | None, **values: object) -> None:
    index = json.loads((folder / "index.json").read_text())
    (index if shard is None else index["shards"][shard]).update(values)
    (folder / "index.json").write_text(json.dumps(index))


Members: TypeAlias = list[tuple[tarfile.TarInfo, bytes]]


def rewrite(folder: Path, change: Callable[[Members], Members]) -> None:
    """Changes the list of members of the second shard; the index is told the new size."""
    path = folder / "shard-00001.tar"
    with tarfile.open(path) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]
    with tarfile.open(path, "w") as tar:
        for member, content in change(members):
            member.size = len(content)
            tar.addfile(member, fileobj=__import__("io").BytesIO(content))
    change_index(folder, 1, num_bytes=path.stat().st_size)


def test_missing_and_truncated_shards_are_known_before_training(folder: Path) -> None:
    path = folder / "shard-00001.tar"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    size = len(content)
    assert refused(folder) == (
        f"shard-00001.tar: has {size - 1} bytes, expected {size}: truncated, or of other shards; get it anew"
    )
    path.unlink()
    assert refused(folder) == "shard-00001.tar: no such shard; the index names it"


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.77])
def test_a_shard_that_ends_early_or_was_overwritten_by_zeros(folder: Path, share: float) -> None:
    path = folder / "shard-00001.tar"
    content = path.read_bytes()
    cut = round(share * len(content))
    path.write_bytes(content[:cut])
    change_index(folder, 1, num_bytes=cut)
    assert refused(folder).startswith("shard-00001.tar: damaged: ")
    path.write_bytes(content[:cut] + bytes(len(content) - cut))
    change_index(folder, 1, num_bytes=len(content))
    try:
        message = refused(folder)
    except AsrError as error:  # the zeros begin in the midst of a line
        assert "shard-00001.tar" in str(error)
    else:
        assert message.startswith("shard-00001.tar: damaged: ")


def test_members_that_are_missing_doubled_or_in_another_order(folder: Path) -> None:
    first = read_index(folder).shards[1].first
    content = (folder / "shard-00001.tar").read_bytes()

    def message(change: Callable[[Members], Members]) -> str:
        (folder / "shard-00001.tar").write_bytes(content)
        rewrite(folder, change)
        return refused(folder)

    key, after = f"{first:09}", f"{first + 1:09}"
    assert f"expected sound and line of {key}, found '{key}.json' and '{after}.wav'" in message(lambda m: m[1:])
    assert f"expected sound and line of {key}, found '{key}.wav' and '{after}.wav'" in message(lambda m: [m[0], *m[2:]])
    assert f"expected sound and line of {key}, found '{after}.wav'" in message(lambda m: [*m[2:4], *m[:2], *m[4:]])
    assert "and 'the end'" in message(lambda m: m[:-1])
    assert "found 'the end' and 'the end'" in message(lambda m: m[:-2])
    assert f"utterances, found '{key}.wav' after them" in message(lambda m: [*m, *m[:2]])
    assert "utterances, found 'the end' after them" in message(lambda m: [*m, (tarfile.TarInfo("the end"), b"")])
    (folder / "shard-00001.tar").write_bytes(2 * content)
    change_index(folder, 1, num_bytes=2 * len(content))
    assert "utterances, found more behind the end" in refused(folder)


def test_a_training_notices_what_the_last_shard_has_too_much(folder: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    rewrite(folder, lambda members: [*members, *members[:2]])
    settings = settings_for(tmp_path, tmp_path, [f"data.train={folder}"], max_epochs=1)
    with pytest.raises(
        CorpusError, match=r"shard-00001\.tar: damaged: expected \d+ utterances, found '\d+\.wav' after"
    ):
        train(settings, tmp_path / "run")


def test_a_sparse_member_is_refused_before_it_is_unpacked(folder: Path) -> None:
    """A header may say of a few bytes that they are a file of a terabyte of zeros."""

    def sparse(members: Members) -> Members:
        member, content = members[0]
        other = tarfile.TarInfo(member.name)
        other.type, other.pax_headers = tarfile.REGTYPE, {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(2**40)}
        return [(other, content), *members[1:]]

    rewrite(folder, sparse)
    assert "is not a plain file" in refused(folder)


def test_an_index_that_is_nested_too_deep(folder: Path) -> None:
    (folder / "index.json").write_text("[" * 100_000)
    assert refused(folder).startswith("index.json: damaged, or not the index of shards")


def test_an_index_that_is_missing_damaged_of_another_version_or_miscounts(folder: Path) -> None:
    index = folder / "index.json"
    content = index.read_text()
    change_index(folder, None, version=2)
    assert refused(folder) == "index.json: the shards are of version 2, this asr reads 1; make them anew"
    for damaged in ("", "{", "[]", '{"version": 1}', '{"version": 1, "shards": [3]}', content.replace("wav", "")[:-9]):
        index.write_text(damaged)
        assert refused(folder) == "index.json: damaged, or not the index of shards; make them anew with `asr shard`"
    index.unlink()
    assert refused(folder) == "index.json: no such file; `asr shard` makes folders of shards"
    index.write_text(content)
    change_index(folder, 0, num_utterances=5)
    assert "manifest.jsonl: has 14 utterances, but index.json counts" in refused(folder)


def test_a_broken_sound_is_named_with_its_shard(folder: Path, tmp_path: Path) -> None:
    write_corpus(tmp_path, "dev", ["AB"], seed=1)
    first = read_index(folder).shards[1].first
    rewrite(folder, lambda members: [(members[0][0], members[0][1][:-50]), *members[1:]])
    for num_workers in (0, 1):
        settings = settings_for(tmp_path, tmp_path, [f"data.train={folder}"], num_workers=num_workers)
        with pytest.raises(AudioError) as caught:
            train(settings, tmp_path / f"run{num_workers}")
        assert str(caught.value).startswith(f"{folder}/shard-00001.tar/{first:09}.wav: truncated: 50 bytes")


# --- sound in memory --------------------------------------------------------------------------------------------------


def test_sound_in_memory_that_only_ffmpeg_knows(ffmpeg: str, wav: Path, tmp_path: Path) -> None:
    subprocess.run([ffmpeg, "-loglevel", "error", "-i", wav, tmp_path / "a.m4a"], check=True)
    content = (tmp_path / "a.m4a").read_bytes()
    assert np.array_equal(load_audio(EncodedSound(Path("a.tar/b"), content)), load_audio(tmp_path / "a.m4a"))
    with pytest.raises(AudioError, match=r"^a\.tar/b: truncated: "):
        load_audio(EncodedSound(Path("a.tar/b"), content[:-50]))


# --- the command line -------------------------------------------------------------------------------------------------


def test_the_verb(asr: RunAsr, refusal: Refusal, manifest: Path, tmp_path: Path) -> None:
    result = asr("shard", manifest, tmp_path / "out", "--megabytes", "0.06")
    assert (result.code, result.out) == (0, f"{tmp_path / 'out'}\n")
    count = len(read_index(tmp_path / "out").shards)
    assert result.err == f"asr: 14 utterances in {count} shards\n"
    assert "is there already" in refusal("shard", manifest, tmp_path / "out")
    assert "no such file" in refusal("shard", tmp_path / "none.jsonl", tmp_path / "other")
    (manifest.parent / "train" / "train3.wav").unlink()
    assert "train3.wav" in refusal("shard", manifest, tmp_path / "other")
    assert not (tmp_path / "other").exists()
    assert len(read_index(pack_all(tmp_path)).shards) == 1  # by default


def pack_all(tmp_path: Path) -> Path:
    manifest = write_corpus(tmp_path, "whole", ["AB", "CD"], seed=1)
    from asr.cli.shard import shard

    shard(manifest, tmp_path / "default")
    return tmp_path / "default"
