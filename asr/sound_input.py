"""Sound in any form that Python has -> waveform: a path, a sound file in memory, or samples in an array or a tensor."""

import os
from collections.abc import Iterator
from io import TextIOBase
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32

from asr.audio import SAMPLE_RATE, load_audio, read_blocks, to_waveform
from asr.decoders.opening import HIGHEST_RATE, LOWEST_RATE, EncodedSound
from asr.errors import AudioError, NotFiniteAudioError

# Integers: the value of silence, and the distance of full scale from it. 8 bit is unsigned, as in a wav file.
_INTEGERS = {"uint8": (2**7, 2**7), "int8": (0, 2**7), "int16": (0, 2**15), "int32": (0, 2**31)}
_EXPECTED = (
    "a path, the bytes of a sound file, a file open in binary, a NumPy array (samples,) or (samples, channels), "
    "or a tensor (samples,) or (channels, samples)"
)


@runtime_checkable
class BinaryReader(Protocol):
    """A file that is open for reading in binary, or what reads like one."""

    def read(self) -> bytes:
        """The rest of the file."""
        ...


@runtime_checkable
class TensorLike(Protocol):
    """What identifies a PyTorch tensor, without PyTorch having to be installed."""

    @property
    def shape(self) -> Any:
        """The size of each dimension."""
        ...

    @property
    def dtype(self) -> Any:
        """The type of a sample."""
        ...

    def is_floating_point(self) -> bool:
        """Whether samples are floats."""
        ...

    def detach(self) -> Any:
        """The same without its gradient."""
        ...


SoundInput: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryReader | npt.NDArray[np.generic] | TensorLike
)


def waveform_of(sound: SoundInput | object, *, sample_rate: object = SAMPLE_RATE) -> Float32[np.ndarray, "samples"]:
    """The waveform of a sound: float32, 16 kHz, mono, in [-1, 1]. What `sound` may be:

    - the path of a sound file;
    - its bytes, or a file open in binary, which is read from its current position: wav, flac, mp3 and so on, with
      header;
    - samples at `sample_rate` Hz (a sound file has its own rate): a NumPy array (samples,) or (samples, channels), as
      `soundfile.read` gives, or a tensor (samples,) or (channels, samples), as `torchaudio.load` gives. A single
      channel may have either layout. Full scale is 1 for floats, and the range of the type for int8, int16, int32 and
      uint8 (where silence is 128).

    Channels are mixed, and peaks beyond full scale scaled down, as for files (`asr.audio.to_waveform`).

    Raises:
        AudioError: the file cannot be used; or the samples are of another type or shape, of an impossible rate, or
            NaN or infinite; or it is none of these.
    """
    source = _encoded(sound)
    if source is not None:
        return load_audio(source)
    if isinstance(sound, np.ndarray | TensorLike):
        return _from_samples(sound, whole_rate(sample_rate))
    raise AudioError(f"found {type(sound).__name__}, expected {_EXPECTED}")


def blocks_of(
    sound: SoundInput | object, seconds: float, *, sample_rate: object = SAMPLE_RATE
) -> Iterator[Float32[np.ndarray, "_"]]:
    """`waveform_of` in blocks. A file is never whole in memory as samples; its blocks last `seconds`.

    Raises:
        AudioError: as `waveform_of`.
    """
    source = _encoded(sound)
    if source is None:
        yield waveform_of(sound, sample_rate=sample_rate)
    else:
        yield from read_blocks(source, seconds)


def path_of(sound: SoundInput) -> str:
    """The path of a sound; empty if it has none."""
    return os.fspath(sound) if isinstance(sound, str | os.PathLike) else ""


def name_of(sound: SoundInput) -> str:
    """The name of a sound in messages: its path, if it has one."""
    return path_of(sound) or "the sound"


def _encoded(sound: SoundInput | object) -> Path | EncodedSound | None:
    """The sound file; None if it is none."""
    if isinstance(sound, str | os.PathLike):
        return Path(sound)
    if isinstance(sound, bytes | bytearray | memoryview):
        return EncodedSound(Path("the bytes"), bytes(sound))
    if isinstance(sound, BinaryReader) and not isinstance(sound, np.ndarray | TensorLike):
        return _read(sound)
    return None


def _read(file: BinaryReader) -> EncodedSound:
    name = getattr(file, "name", None)
    path = Path(name if isinstance(name, str) else "the file object")
    if isinstance(file, TextIOBase):
        raise AudioError(f"{path}: is open as text, expected a file open in binary: open(..., 'rb')")
    try:
        content = file.read()
    except (OSError, ValueError) as error:  # ValueError: it is closed
        raise AudioError(f"{path}: cannot be read: {error}") from None
    if not isinstance(content, bytes):
        raise AudioError(f"{path}: read() gives {type(content).__name__}, expected bytes")
    if not content:
        raise AudioError(f"{path}: nothing left to read from its position; go back to the beginning with seek(0)")
    return EncodedSound(path, content)


def _from_samples(sound: npt.NDArray[np.generic] | TensorLike, sample_rate: int) -> Float32[np.ndarray, "samples"]:
    samples = as_floats(_as_rows(sound))
    finite = np.isfinite(samples).all(axis=1)
    if not finite.all():
        first = int(np.argmin(finite))
        where = f"the first is sample {first}, at {first / sample_rate:.3f} s"
        raise NotFiniteAudioError(f"the sound: holds samples that are NaN or infinite, {where}")
    return to_waveform(samples, sample_rate)


def whole_rate(sample_rate: object) -> int:
    """A rate in Hz.

    Raises:
        AudioError: it is not a whole number, or out of range.
    """
    if isinstance(sample_rate, int | float | np.integer | np.floating):
        rate = float(sample_rate)
        if LOWEST_RATE <= rate <= HIGHEST_RATE and rate.is_integer():
            return int(rate)
    raise AudioError(f"sample_rate is {sample_rate!r}, expected {LOWEST_RATE} to {HIGHEST_RATE} whole Hz")


def _as_rows(sound: npt.NDArray[np.generic] | TensorLike) -> npt.NDArray[np.generic]:
    """Samples as (samples, channels)."""
    rows: npt.NDArray[np.generic]
    if isinstance(sound, TensorLike):
        tensor = sound.detach().cpu()
        try:
            rows = (tensor.float() if tensor.is_floating_point() else tensor).numpy().T  # NumPy has no bfloat16
        except (TypeError, RuntimeError):  # sparse, quantised
            raise AudioError(f"found {_described(sound)} that is not plain, expected {_EXPECTED}") from None
    else:
        rows = np.asarray(sound)
    if rows.ndim == 1 or (rows.ndim == 2 and 1 in rows.shape):
        return rows.reshape(-1, 1)
    if rows.ndim == 2 and 0 < rows.shape[1] <= rows.shape[0]:
        return rows
    raise AudioError(f"found {_described(sound)}, expected {_EXPECTED}")


def as_floats(rows: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Samples of any type -> in [-1, 1], by the full scale of the type; floats as they are.

    Raises:
        AudioError: they are of a type whose full scale is unknown.
    """
    if rows.dtype.name in _INTEGERS:
        silence, full_scale = _INTEGERS[rows.dtype.name]
        return (rows.astype(np.float32) - np.float32(silence)) / np.float32(full_scale)
    if not np.issubdtype(rows.dtype, np.floating):
        known = ", ".join(_INTEGERS)
        raise AudioError(f"found samples of type {rows.dtype}, whose full scale is unknown; expected floats, {known}")
    with np.errstate(over="ignore"):  # what becomes infinite is refused
        return rows.astype(np.float32)


def _described(sound: npt.NDArray[np.generic] | TensorLike) -> str:
    kind = "a tensor" if isinstance(sound, TensorLike) else "an array"
    return f"{kind} of shape {tuple(sound.shape)}, {sound.dtype}"
