"""A folder of shards (`asr/corpus/shards.py`) to which shards are added.

First the shard, then the lines of the manifest, then the index that counts them. Anything that the index does not count
is ignored: after a crash between these steps it is made again.
"""

import fcntl
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from asr.corpus.manifest import Utterance, format_line, parse_line
from asr.corpus.shards import INDEX, MANIFEST, Shard, add_sample, read_index, write_index
from asr.errors import CorpusError, OutputError
from asr.files import append_text, atomic_path, read_lines, write_text


class GrowingShards:
    """A context in which no other process can add shards to the folder. `hours`: of speech in it."""

    def __init__(self, folder: Path) -> None:
        self.hours = 0.0
        self._folder = folder
        self._shards: list[Shard] = []

    def __enter__(self) -> "GrowingShards":
        """Raises CorpusError if the shards are damaged, or another process adds to them."""
        self._lock()
        if (self._folder / INDEX).exists():
            self._shards = list(read_index(self._folder).shards)
        self._forget_uncounted_lines()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock_file.close()

    def __len__(self) -> int:
        return len(self._shards)

    def append(self, utterances: Sequence[tuple[Utterance, bytes]]) -> None:
        """Add a shard of utterances, each with its sound as a FLAC file.

        Raises:
            OutputError: it cannot be written; the folder is as it was.
        """
        shard = Shard(self._folder / f"shard-{len(self):05}.tar", self._num_utterances(), len(utterances), 0)
        lines = []
        with atomic_path(shard.path) as temporary, tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar:
            for number, (utterance, sound) in enumerate(utterances, start=shard.first):
                packed = add_sample(tar, shard.path, number, utterance, kind="flac", sound=sound)
                lines.append(format_line(packed, self._folder) + "\n")
        append_text(self._folder / MANIFEST, "".join(lines))
        self._shards.append(replace(shard, num_bytes=shard.path.stat().st_size))
        write_index(self._folder, self._shards)
        self.hours += sum(utterance.duration for utterance, _ in utterances) / 3600

    def _lock(self) -> None:
        path = self._folder / ".lock"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock_file = path.open("w")
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CorpusError(f"{self._folder}: another process is adding shards to it") from None
        except OSError as error:
            raise OutputError(f"{path}: could not be written ({error.strerror})") from None

    def _num_utterances(self) -> int:
        return sum(shard.num_utterances for shard in self._shards)

    def _forget_uncounted_lines(self) -> None:
        path, count = self._folder / MANIFEST, self._num_utterances()
        if not path.exists() and count == 0:
            return
        lines = list(islice(read_lines(path, CorpusError), count))
        if len(lines) < count:
            raise CorpusError(f"{path}: has {len(lines)} utterances, but {INDEX} counts {count}; remove {self._folder}")
        write_text(path, "".join(f"{line}\n" for line in lines))
        self.hours = sum(parse_line(line, path, number).duration for number, line in enumerate(lines, 1)) / 3600
