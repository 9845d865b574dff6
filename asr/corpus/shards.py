"""A corpus as tar shards: a few large files read in sequence, for disks on which many small files are slow.

A folder of shards holds

    shard-00000.tar ...  for each utterance its sound file as it was, 000000000.flac, and its line, 000000000.json
    manifest.jsonl       the lines of all utterances, in the order of the shards
    index.json           the format version, and each shard's name, number of utterances and bytes

The two members with one name are a sample of WebDataset; the keys of a line are those of a manifest.
"""

import io
import json
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from asr.audio import SAMPLE_RATE
from asr.corpus.manifest import Utterance, format_line, parse_line, read_manifest
from asr.corpus.manifest_lines import manifest_lines
from asr.corpus.utterances import load_utterance
from asr.decoders.opening import EncodedSound
from asr.errors import AudioError, CorpusError, OutputError, system_reason
from asr.files import atomic_folder, parse_json, read_bytes, write_text
from asr.messages import Progress

VERSION = 1
INDEX, MANIFEST = "index.json", "manifest.jsonl"
_SHUFFLE_SEED = 0


@dataclass(frozen=True, slots=True)
class Shard:
    """One tar file; `first` is the number of its first utterance in the corpus."""

    path: Path
    first: int
    num_utterances: int
    num_bytes: int


@dataclass(frozen=True, slots=True)
class ShardedCorpus:
    """A folder of shards. Iterating over it gives the utterances, without their sounds, in the order of the shards;
    no more than one is in memory at a time."""

    folder: Path
    shards: tuple[Shard, ...]

    def __len__(self) -> int:
        return sum(shard.num_utterances for shard in self.shards)

    def __iter__(self) -> Iterator[Utterance]:
        """Raises CorpusError if there are not as many lines as the index counts, ManifestError if one is broken."""
        path, count = self.folder / MANIFEST, 0
        for line in manifest_lines(path):
            yield parse_line(line.content, path, line.number)
            count += 1
        if count != len(self):
            raise CorpusError(f"{path}: has {count} utterances, but {INDEX} counts {len(self)}; make the shards anew")


def write_shards(manifest: Path, folder: Path, *, shard_bytes: int, progress: Progress) -> ShardedCorpus:
    """Pack the utterances of a manifest, shuffled, into shards of at most `shard_bytes` (or of one utterance).

    They are shuffled because a training sees a few shards at a time: in a corpus sorted by speaker, each shard would be
    of one voice. Sound files are copied unchanged; for an utterance that is part of its file, that part is written as
    FLAC: 16 bits, 16 kHz, mono. `folder` appears only once it is complete.

    Raises:
        ManifestError: the manifest cannot be used.
        AudioError: a sound file cannot be read.
        CorpusError: `folder` holds something already.
        OutputError: the shards cannot be written.
    """
    utterances = read_manifest(manifest)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise CorpusError(f"{folder}: is there already; remove it, or give another folder for the shards")
    order = np.random.default_rng(_SHUFFLE_SEED).permutation(len(utterances)).tolist()
    try:
        with atomic_folder(folder) as whole, _Packer(whole, shard_bytes) as packer:
            for number, index in enumerate(order):
                packer.add(utterances[index])
                progress("packing", number + 1, len(utterances))
    except OSError as error:
        raise OutputError(f"{folder}: the shards could not be written ({system_reason(error)})") from None
    return read_index(folder)


def read_index(folder: Path) -> ShardedCorpus:
    """Read the index of a folder of shards, not the shards.

    Raises:
        CorpusError: there is no index, or it is damaged or of another version; a shard is missing or truncated.
    """
    path, shards, first = folder / INDEX, [], 0
    if not path.is_file():
        raise CorpusError(f"{path}: no such file; `asr shard` makes folders of shards")
    try:
        index = parse_json(read_bytes(path, CorpusError))
        if index["version"] != VERSION:
            raise CorpusError(
                f"{path}: the shards are of version {index['version']}, this asr reads {VERSION}; make them anew"
            )
        for entry in index["shards"]:
            shard = Shard(folder / entry["file"], first, int(entry["num_utterances"]), int(entry["num_bytes"]))
            shards.append(shard)
            first += shard.num_utterances
    except (KeyError, TypeError, ValueError):
        raise CorpusError(f"{path}: damaged, or not the index of shards; make them anew with `asr shard`") from None
    for shard in shards:
        _refuse_other_size(shard)
    return ShardedCorpus(folder, tuple(shards))


def read_shard(shard: Shard) -> Iterator[tuple[Utterance, EncodedSound]]:
    """The utterances of a shard with their sounds, read in sequence.

    Raises:
        CorpusError: the shard is missing, truncated or damaged, or holds something else than the index says.
        ManifestError: the line of an utterance is broken.
    """
    try:
        with tarfile.open(shard.path, "r:") as tar:
            for number in range(shard.first, shard.first + shard.num_utterances):
                (sound_name, sound), (line_name, line) = _next_member(tar), _next_member(tar)
                key = f"{number:09}"
                if line_name != f"{key}.json" or sound_name.partition(".")[0] != key:
                    raise _damaged(shard, f"expected sound and line of {key}, found {sound_name!r} and {line_name!r}")
                utterance = parse_line(line.decode(errors="replace"), shard.path / line_name, number + 1)
                yield utterance, EncodedSound(shard.path / sound_name, sound)
            if (more := tar.next()) is not None:
                raise _damaged(shard, f"expected {shard.num_utterances} utterances, found {more.name!r} after them")
            assert tar.fileobj is not None
            tar.fileobj.seek(tar.offset)
            while rest := tar.fileobj.read(2**20):
                if rest.strip(b"\0"):
                    raise _damaged(shard, f"expected {shard.num_utterances} utterances, found more behind the end")
    except FileNotFoundError:
        raise CorpusError(f"{shard.path}: no such shard; the index names it") from None
    except OSError as error:
        raise CorpusError(f"{shard.path}: cannot be read ({system_reason(error)})") from None
    except (tarfile.TarError, ValueError) as error:
        raise _damaged(shard, str(error).partition("\n")[0]) from None


_NOTHING = "the end"


def _next_member(tar: tarfile.TarFile) -> tuple[str, bytes]:
    member = tar.next()
    if member is None:
        return _NOTHING, b""
    tar.members = []  # type: ignore[attr-defined]  # tarfile would keep the headers of all
    if not member.isfile() or member.issparse():  # a sparse file may claim any size
        raise tarfile.TarError(f"{member.name!r} is not a plain file")
    file = tar.extractfile(member)
    return member.name, file.read() if file else b""


def _damaged(shard: Shard, reason: str) -> CorpusError:
    return CorpusError(f"{shard.path}: damaged: {reason}; get the shard anew, or make the shards anew")


def _refuse_other_size(shard: Shard) -> None:
    try:
        size = shard.path.stat().st_size
    except OSError:
        raise CorpusError(f"{shard.path}: no such shard; the index names it") from None
    if size != shard.num_bytes:
        raise CorpusError(
            f"{shard.path}: has {size} bytes, expected {shard.num_bytes}: truncated, or of other shards; get it anew"
        )


class _Packer:
    """Writes shards, manifest and index into a folder; the index only if its context ends without an error."""

    def __init__(self, folder: Path, shard_bytes: int) -> None:
        self._folder = folder
        self._shard_bytes = shard_bytes
        self._manifest = (folder / MANIFEST).open("w", encoding="utf-8")
        self._tar: tarfile.TarFile | None = None
        self._shards: list[Shard] = []
        self._count = 0

    def __enter__(self) -> "_Packer":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._manifest.close()
        self._close_shard()
        if kind is None:
            write_index(self._folder, self._shards)

    def add(self, utterance: Utterance) -> None:
        kind, sound = _encoded(utterance)
        if self._tar is None or self._tar.offset + len(sound) > self._shard_bytes:
            self._open_shard()
        assert self._tar is not None
        packed = add_sample(self._tar, self._shards[-1].path, self._count, utterance, kind=kind, sound=sound)
        self._manifest.write(format_line(packed, self._folder) + "\n")
        self._count += 1

    def _open_shard(self) -> None:
        self._close_shard()
        path = self._folder / f"shard-{len(self._shards):05}.tar"
        self._shards.append(Shard(path, self._count, 0, 0))
        self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115 (it is closed later)

    def _close_shard(self) -> None:
        if self._tar is not None:
            self._tar.close()
            shard = self._shards[-1]
            num_bytes = shard.path.stat().st_size
            self._shards[-1] = replace(shard, num_utterances=self._count - shard.first, num_bytes=num_bytes)


def add_sample(
    tar: tarfile.TarFile, shard: Path, number: int, utterance: Utterance, *, kind: str, sound: bytes
) -> Utterance:
    """Write utterance `number` of the corpus to `tar`, the file of `shard`: its sound, a whole file with the suffix
    `kind`, and its line. Returns the utterance as it is in the shard, for the manifest."""
    key = f"{number:09}"
    path = shard / f"{key}.{kind}"
    packed = replace(utterance, audio_filepath=path)
    if utterance.offset is not None:  # the part that was cut out is a file of its own, of the channel in use
        packed = replace(utterance, audio_filepath=path, offset=None, channel_selector=None)
    _add_member(tar, f"{key}.{kind}", sound)
    _add_member(tar, f"{key}.json", format_line(packed, shard).encode())
    return packed


def write_index(folder: Path, shards: Sequence[Shard]) -> None:
    """Write the index of a folder of shards, whole or not at all."""
    entries = [{"file": s.path.name, "num_utterances": s.num_utterances, "num_bytes": s.num_bytes} for s in shards]
    write_text(folder / INDEX, json.dumps({"version": VERSION, "shards": entries}, indent=1) + "\n")


def _add_member(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
    tar.members = []  # type: ignore[attr-defined]  # tarfile would keep the headers of all


def _encoded(utterance: Utterance) -> tuple[str, bytes]:
    """Suffix and bytes of a sound file that holds the utterance and nothing else."""
    if utterance.offset is not None:
        samples = np.rint(load_utterance(utterance) * 2**15).clip(-(2**15), 2**15 - 1).astype(np.int16)
        file = io.BytesIO()
        soundfile.write(file, samples, SAMPLE_RATE, format="FLAC")
        return "flac", file.getvalue()
    path = utterance.audio_filepath
    suffix = path.suffix.lower().removeprefix(".")
    try:
        return suffix if re.fullmatch("(?!json)[a-z0-9]+", suffix) else "sound", path.read_bytes()
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({system_reason(error)})") from None
