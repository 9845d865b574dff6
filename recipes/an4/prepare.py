"""AN4: where the corpus is, what must be in it, and its manifests.

People spell names and addresses and say numbers and dates; 948 training and 130 test recordings of 74 and 10 speakers,
16 kHz, made at Carnegie Mellon University about 1991 (A. Acero, "Acoustical and environmental robustness in automatic
speech recognition", 1993). Free for any use.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import soundfile

from asr.corpus.manifest import Utterance, write_manifest
from asr.errors import CorpusError
from asr.fetch.archive import unpack
from asr.fetch.download import download

# The home is often down; the mirrors are those of NVIDIA NeMo and of ESPnet.
URLS = (
    "http://www.speech.cs.cmu.edu/databases/an4/an4_sphere.tar.gz",
    "https://dldata-public.s3.us-east-2.amazonaws.com/an4_sphere.tar.gz",
    "https://huggingface.co/datasets/espnet/an4/resolve/main/an4_sphere.tar.gz",
)
# Of the contents, not of the archive, so that it is valid however the corpus is packed: see `contents_sha256`.
CONTENTS_SHA256 = "794c3626e17a01209db0634c68a7327dc1eeccc0af0a927591bb958b89c00c22"

FOLDERS = {"train": "wav/an4_clstk", "test": "wav/an4test_clstk"}
COUNTS = {"train": 948, "test": 130}

# 100 of the official training recordings, of eight speakers with no other recording in train. Two women and five men
# with 13 recordings, spread evenly over the alphabetical list of each, and the man who has nine. Those who share their
# initials with another speaker (mdcs, mdcs2) were left out of the choice, in case the two are one.
DEV_SPEAKERS = frozenset({"fjam", "fplp", "mcfl", "mema", "mkdb", "mrab", "msmn", "mtcv"})

_TRANSCRIPT = re.compile(r"(?:<s> )?(?P<text>[A-Z ]+?)(?: </s>)? \((?P<id>[a-z0-9-]+)\)")


@dataclass(frozen=True, slots=True)
class Manifests:
    """The three manifests of the corpus; no speaker is in two of them."""

    train: Path
    dev: Path
    test: Path


def fetch(folder: Path, archive: Path | None) -> Path:
    """The archive of the corpus: `archive` if that is given, else downloaded into `folder`.

    Raises:
        CorpusError: if `archive` is no file, or no address gives the corpus.
    """
    if archive is None:
        return download(URLS, folder / "an4_sphere.tar.gz", sha256=None)
    if not archive.is_file():
        raise CorpusError(f"{archive}: no such archive file; expected AN4's an4_sphere.tar.gz")
    return archive


def prepare(archive: Path, folder: Path) -> Manifests:
    """Unpack `archive` into `folder`/unpacked and write train.jsonl, dev.jsonl and test.jsonl into `folder`.

    A corpus that was unpacked before is checked and reused. The text is the transcript without `<s>` and `</s>`:
    words in capitals, spelled letters as words of one letter; the corpus has no fillers and no noise marks.

    Raises:
        CorpusError: if the archive cannot be unpacked safely, or holds something else than the corpus; then
            nothing is left in `folder`.
        OutputError: if the files cannot be written.
    """
    unpacked = folder / "unpacked"
    if unpacked.exists():
        _check(unpacked, source=unpacked)
    else:
        unpack(archive, unpacked, check=partial(_check, source=archive))
    official_train = list(_utterances(unpacked / "an4", "train"))
    splits = {
        "train": [u for u in official_train if u.speaker not in DEV_SPEAKERS],
        "dev": [u for u in official_train if u.speaker in DEV_SPEAKERS],
        "test": list(_utterances(unpacked / "an4", "test")),
    }
    for name, utterances in splits.items():
        write_manifest(folder / f"{name}.jsonl", utterances)
    return Manifests(**{name: folder / f"{name}.jsonl" for name in splits})


def contents_sha256(corpus: Path) -> str:
    """One SHA-256 over all used parts of the corpus: its recordings, transcripts and lists of recordings.

    It is taken over the sorted lines "path size sha256" of these files, with paths relative to `corpus` (`an4/`).
    """
    used = [corpus / "etc" / f"an4_{split}.{kind}" for split in FOLDERS for kind in ("transcription", "fileids")]
    used += [path for split in FOLDERS for path in _recordings(corpus, split)]
    lines = []
    for path in used:
        content = path.read_bytes()
        lines.append(f"{path.relative_to(corpus).as_posix()} {len(content)} {hashlib.sha256(content).hexdigest()}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def _check(unpacked: Path, *, source: Path) -> None:
    corpus = unpacked / "an4"
    remedy = "remove it and get the complete an4_sphere.tar.gz anew"
    for kind, found in (
        ("recordings", {split: len(_recordings(corpus, split)) for split in FOLDERS}),
        ("transcripts", {split: len(_lines(corpus, split, "transcription")) for split in FOLDERS}),
        ("listed recordings", {split: len(_lines(corpus, split, "fileids")) for split in FOLDERS}),
    ):
        if found != COUNTS:
            raise CorpusError(
                f"{source}: not the AN4 corpus: found {found['train']} training and {found['test']} test {kind}, "
                f"expected {COUNTS['train']} and {COUNTS['test']}; {remedy}"
            )
    digest = contents_sha256(corpus)
    if digest != CONTENTS_SHA256:
        raise CorpusError(
            f"{source}: the counts are those of AN4, but not the contents: the sha256 over its recordings and "
            f"transcripts is {digest}, expected {CONTENTS_SHA256}; {remedy}"
        )


def _recordings(corpus: Path, split: str) -> list[Path]:
    return [path for path in (corpus / FOLDERS[split]).glob("*/*.sph") if path.is_file()]


def _lines(corpus: Path, split: str, kind: str) -> list[str]:
    path = corpus / "etc" / f"an4_{split}.{kind}"
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []


def _utterances(corpus: Path, split: str) -> Iterator[Utterance]:
    """The recordings of a split in the corpus's own order; their contents have been checked, so all lines fit."""
    transcripts = [_TRANSCRIPT.fullmatch(line) for line in _lines(corpus, split, "transcription")]
    texts = {match["id"]: match["text"] for match in transcripts if match}
    for recording in _lines(corpus, split, "fileids"):
        audio = corpus / "wav" / f"{recording}.sph"
        yield Utterance(
            audio_filepath=audio,
            duration=soundfile.info(audio).duration,
            text=texts[audio.stem],
            id=audio.stem,
            speaker=audio.parent.name,
        )
