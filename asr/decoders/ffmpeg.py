"""ffmpeg, where it is installed: decodes through a pipe what libsndfile does not (m4a, webm, video).

It is given the format and must not guess, so that text is never taken for sound, and a playlist never opens other
files; and it may open only this one file. Its stderr and exit status are checked, as it decodes what is there of a
truncated file.
"""

import os
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO

import numpy as np

from asr.containers.kinds import Kind
from asr.decoders.stream import Block, Stream, cut_out, samples_per_block
from asr.errors import AudioError, TruncatedAudioError, system_reason

_BEFORE = ["-nostdin", "-hide_banner", "-loglevel", "error", "-xerror", "-protocol_whitelist", "file", "-f"]
# What is missing, by the times in the file, becomes silence: so times are those of a player.
_AS_PLAYED = ["-af", "aresample=async=1:first_pts=0"]
_BEHIND = ["-map", "0:a:0", *_AS_PLAYED, "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]  # AU: 24 bytes, then samples
_HEADER = ">4s5I"  # of the AU format: magic, start of the sound, its length, encoding, rate, channels
_CUT = "ended prematurely"  # ffmpeg's words on Matroska, after which it still exits with 0
HOW_TO_INSTALL = "install it (apt install ffmpeg, brew install ffmpeg), or convert the file to wav or flac"
_MOST_COMPLAINTS = 1 << 16  # bytes that are read of its stderr
_TRACK = re.compile(r"^\[info\]   Stream #0:\d+(?:\[\w+\])?(?:\((\w+)\))?: Audio: ([^,]*)", re.MULTILINE)


def is_installed() -> bool:
    """Whether there is an ffmpeg on the search path."""
    return shutil.which("ffmpeg") is not None


def tracks(path: Path, kind: Kind) -> Sequence[str]:
    """The sound tracks of a file: language, if told, and codec. Empty if ffmpeg does not know the file."""
    try:
        return _tracks(os.fspath(path), kind, path.stat().st_mtime_ns)
    except OSError:
        return ()


@lru_cache(maxsize=1024)  # a file is opened several times
def _tracks(name: str, kind: Kind, time: int) -> Sequence[str]:
    program = shutil.which("ffmpeg")
    if program is None:
        return ()
    told = ["-loglevel", "level+info"]  # each line begins with its level, but those that the file has put into it
    command = [program, *_BEFORE[:-1], *told, "-f", kind.demuxer, "-i", f"file:{name}"]
    output = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).stderr
    found = _TRACK.findall(output.decode(errors="replace"))
    return tuple(f"{language}: {codec.strip()}" if language else codec.strip() for language, codec in found)


@contextmanager
def opened(name: str, path: Path, kind: Kind) -> Iterator[Stream]:
    """The sound of the file `name`; `path` is for messages. The child process ends with the context.

    Raises:
        AudioError: ffmpeg is not installed, or does not know this file or, while it is read, the file is truncated or
            damaged.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise AudioError(f"{path}: is {kind}, which only ffmpeg reads, and that is not installed: {HOW_TO_INSTALL}")
    command = [program, *_BEFORE, kind.demuxer, "-i", f"file:{name}", *_BEHIND]
    with tempfile.TemporaryFile() as complaints:
        try:
            # In a session of its own, so that Ctrl-C reaches only us; the end of this block ends it.
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, start_new_session=True
            )
        except OSError as error:
            raise AudioError(f"{path}: ffmpeg ({program}) cannot be run: {system_reason(error)}") from None
        with process:
            try:
                yield _stream(process, complaints, path, kind)
            finally:
                process.kill()


def _stream(process: subprocess.Popen[bytes], complaints: IO[bytes], path: Path, kind: Kind) -> Stream:
    assert process.stdout is not None
    output = process.stdout
    header = output.read(struct.calcsize(_HEADER))
    if len(header) < struct.calcsize(_HEADER):
        failed = process.wait() != 0
        reason = _last_words(complaints)
        raise AudioError(f"{path}: not audio that can be read: {reason}" if failed else f"{path}: holds no samples")
    _, start, _, _, sample_rate, num_channels = struct.unpack(_HEADER, header)
    output.read(start - len(header))

    def blocks(wanted: int | None) -> Iterator[Block]:
        num_samples = samples_per_block(num_channels)
        size = (num_samples if wanted is None else min(num_samples, max(1, wanted))) * num_channels * 4
        num_read = 0
        while content := output.read(size):
            whole = len(content) // (4 * num_channels) * num_channels
            num_read += whole // num_channels
            yield np.frombuffer(content, ">f4", count=whole).reshape(-1, num_channels).astype(np.float32)
        if process.wait() != 0 or _CUT in _all_words(complaints):
            raise TruncatedAudioError(
                f"{path}: truncated or damaged after {num_read / sample_rate:.1f} s: {_last_words(complaints)}; "
                "get the whole file"
            )

    def read(first: int, count: int | None) -> Iterator[Block]:
        return cut_out(blocks(None if count is None else first + count), first, count)

    return Stream(kind.name, kind.codec or "decoded by ffmpeg", sample_rate, num_channels, None, read)


def _all_words(complaints: IO[bytes]) -> str:
    complaints.seek(0)
    return complaints.read(_MOST_COMPLAINTS).decode(errors="replace")


def _last_words(complaints: IO[bytes]) -> str:
    """Its first complaint, without the names and addresses before it."""
    lines = [re.sub(r"^\[[^]]*\] ", "", line).strip() for line in _all_words(complaints).splitlines()]
    telling = [line.rpartition(": ")[2] for line in lines if line]
    return f"ffmpeg says: {telling[0]}" if telling else "ffmpeg gives no reason"
