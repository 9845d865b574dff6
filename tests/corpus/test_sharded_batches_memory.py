"""A corpus of any size streams from its shards in the same memory."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from asr.corpus.augment import AugmentSettings
from asr.corpus.batches import BatchSettings
from asr.corpus.sharded_batches import ShardedBatches
from asr.corpus.shards import read_index
from asr.corpus.waveforms import Item, Request, Waveforms
from asr.tokens import Tokens, TokenSettings
from tests.support.sounds import wav_bytes

TOKENS = Tokens.train(["ABCD"], TokenSettings())[0]


def write_by_hand(folder: Path, count: int, per_shard: int) -> None:
    """Shards of `count` utterances of 15 ms that are all one sound: `write_shards` would take longer than the test."""
    folder.mkdir()
    sound = wav_bytes(np.full(240, 0.1))
    entries: list[dict[str, object]] = []
    with (folder / "manifest.jsonl").open("w") as manifest:
        for first in range(0, count, per_shard):
            path = folder / f"shard-{len(entries):05}.tar"
            with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
                for number in range(first, first + per_shard):
                    record = {"audio_filepath": f"{number:09}.wav", "duration": 0.015 + number % 7 / 1000, "text": "AB"}
                    line = json.dumps(record)
                    for name, content in ((f"{number:09}.wav", sound), (f"{number:09}.json", line.encode())):
                        member = tarfile.TarInfo(name)
                        member.size = len(content)
                        tar.addfile(member, io.BytesIO(content))
                    manifest.write(line + "\n")
            entries.append({"file": path.name, "num_utterances": per_shard, "num_bytes": path.stat().st_size})
    (folder / "index.json").write_text(json.dumps({"version": 1, "shards": entries}))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def hear_nothing(self: Waveforms, request: Request, doubts: list[str]) -> Item:
    assert request.streamed is not None
    return np.zeros(1, np.float32), request.streamed[0]


def most_memory(folder: Path) -> tuple[int, int]:
    """Streams 100,000 utterances: the most bytes that were resident among the first 10,000, and after them."""
    durations = np.array([0.015 + number % 7 / 1000 for number in range(100_000)])
    batches = ShardedBatches(
        read_index(folder),
        TOKENS,
        BatchSettings(AugmentSettings(), 1.0, seed=1),
        durations=durations,
        num_tokens=1,
        kept=np.ones(len(durations), dtype=bool),
        window_shards=4,
    )
    # Decoding, which costs the most, leaves nothing behind from one utterance to the next.
    Waveforms._load = hear_nothing  # type: ignore[method-assign]
    num_seen, first, later = 0, 0, 0
    for batch in batches.epoch(1):
        num_seen += len(batch)
        if num_seen <= 10_000:
            first = max(first, resident_bytes())
        else:
            later = max(later, resident_bytes())
    assert num_seen == len(durations)
    return first, later


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell what is in memory")
def test_a_hundred_thousand_utterances_stream_in_the_memory_of_ten_thousand(tmp_path: Path) -> None:
    """What there is of each utterance, its sound, text and tokens, has more than a kilobyte: 90 MB if it were kept.

    In a process of its own, where shapes and types are not checked, which would take most of the time.
    """
    write_by_hand(tmp_path / "shards", count=100_000, per_shard=500)
    code = "import sys; from tests.corpus.test_sharded_batches_memory import *; print(*most_memory(Path(sys.argv[1])))"
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "shards")],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    first, later = map(int, result.stdout.split())
    assert later - first < 10_000_000
