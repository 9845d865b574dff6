"""Fingerprints of training data, compared when a training is resumed, and between its processes."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from asr.corpus.manifest import Utterance
from asr.corpus.shards import MANIFEST, ShardedCorpus

Train = Sequence[Utterance] | ShardedCorpus


def fingerprint(tokens: bytes, train: Train, dev: Sequence[Utterance], durations: Sequence[float]) -> dict[str, Any]:
    """Digests of the tokens, and by set of the ids, texts, times and sizes of sound files of its utterances, in order.

    `durations`: of the training utterances, in seconds; states of older versions have a digest only of these and those
    of dev. A sound file that changed without changing its size is not noticed: only the size is read.
    """
    seconds = np.array([*durations, *(utterance.duration for utterance in dev)], dtype=np.float64)
    return {
        "tokens_sha256": hashlib.sha256(tokens).hexdigest(),
        "data_sha256": hashlib.sha256(seconds.tobytes()).hexdigest(),
        "sets": {"train": _of_shards(train) if isinstance(train, ShardedCorpus) else _of(train), "dev": _of(dev)},
    }


def what_has_changed(before: dict[str, Any], now: dict[str, Any]) -> str:
    """For people: what has changed in the utterances, or that an older asr did not record it; "" if all is well."""
    changed = ["durations"] if before.get("data_sha256", now["data_sha256"]) != now["data_sha256"] else []
    if "sets" in before:
        changed = [
            f"{what} of {name}"
            for name, digests in now["sets"].items()
            for what, digest in digests.items()
            if before["sets"].get(name, {}).get(what) != digest
        ]
    if changed:
        found = ", ".join(changed)
        return f"the utterances have changed since ({found}); the training will not be as if it were unbroken"
    return "" if "sets" in before else "is of an older asr: whether texts and sounds have changed since is not known"


def _of(utterances: Sequence[Utterance]) -> dict[str, str]:
    times = [(u.duration, -1.0 if u.offset is None else u.offset) for u in utterances]
    return {
        "ids": _digest(u.id.encode("utf-8", "surrogatepass") for u in utterances),
        "texts": _digest(u.text.encode("utf-8", "surrogatepass") for u in utterances),
        "times": hashlib.sha256(np.array(times, dtype=np.float64).tobytes()).hexdigest(),
        "sizes of sound files": hashlib.sha256(np.array(list(_sizes(utterances))).tobytes()).hexdigest(),
    }


def _of_shards(corpus: ShardedCorpus) -> dict[str, str]:
    with (corpus.folder / MANIFEST).open("rb") as file:
        manifest = hashlib.file_digest(file, "sha256").hexdigest()
    sizes = np.array([(shard.num_utterances, shard.num_bytes) for shard in corpus.shards])
    return {"manifest": manifest, "sizes of shards": hashlib.sha256(sizes.tobytes()).hexdigest()}


def _digest(parts: Iterator[bytes]) -> str:
    """Digest of all parts, and of where each ends."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.hexdigest()


def _sizes(utterances: Sequence[Utterance]) -> Iterator[int]:
    """Size of each utterance's file in bytes; a file with many utterances is asked once. -1 if it is gone."""
    known: dict[Path, int] = {}
    for utterance in utterances:
        path = utterance.audio_filepath
        if path not in known:
            try:
                known[path] = path.stat().st_size
            except OSError:
                known[path] = -1
        yield known[path]
