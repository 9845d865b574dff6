"""A microphone, by PortAudio (the package sounddevice), which needs to be installed only here."""

import queue
import time
from collections.abc import Iterator
from types import ModuleType, TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from asr.errors import AudioError, ExtraError
from asr.extras import needs_extra

_SILENT_SECONDS = 1.5  # without a block: the microphone is gone
_BLOCK_SECONDS = 0.05


class Microphone:
    """A context: the microphone is open inside. It is taken as it is, at its own rate and with its channels.

    `device`: a number or a part of a name, as PortAudio lists them; None: the system's. `lost`: seconds of sound that
    the system dropped because nobody took them in time; they are heard as silence.

    Raises:
        ExtraError: sounddevice or PortAudio is not installed.
        AudioError: there is no such microphone, or it cannot be opened.
    """

    def __init__(self, device: int | str | None = None) -> None:
        self._sounddevice = _load_sounddevice()
        self._blocks: queue.SimpleQueue[npt.NDArray[np.float32]] = queue.SimpleQueue()
        self._end: float | None = None  # of the latest block, by the clock of the device
        self.lost = 0.0
        try:
            facts: Any = self._sounddevice.query_devices(device, "input")
            self.rate = round(facts["default_samplerate"])
            self._stream = self._open(device, int(facts["max_input_channels"]))
        except (self._sounddevice.PortAudioError, ValueError) as error:
            raise AudioError(f"the microphone cannot be opened: {_one_line(error)}; is one plugged in?") from None

    def _open(self, device: int | str | None, most_channels: int) -> Any:
        options: dict[str, Any] = {"device": device, "samplerate": self.rate, "dtype": "float32"}
        try:
            self._sounddevice.check_input_settings(channels=1, **options)
            channels = 1
        except self._sounddevice.PortAudioError:
            channels = most_channels
        blocksize = round(_BLOCK_SECONDS * self.rate)
        return self._sounddevice.InputStream(channels=channels, blocksize=blocksize, callback=self._store, **options)

    def _store(self, block: npt.NDArray[np.float32], num_frames: int, times: Any, status: Any) -> None:
        """Called by PortAudio's own thread, which must not wait: it only stores."""
        start = float(times.inputBufferAdcTime)
        if status.input_overflow and self._end is not None and start > self._end:
            missing = round((start - self._end) * self.rate)
            self.lost += missing / self.rate
            self._blocks.put(np.zeros((missing, block.shape[1]), np.float32))
        self._end = start + num_frames / self.rate
        self._blocks.put(block.copy())

    def __enter__(self) -> "Microphone":
        try:
            self._stream.start()
        except self._sounddevice.PortAudioError as error:
            raise AudioError(f"the microphone cannot be started: {_one_line(error)}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.abort(ignore_errors=True)
        self._stream.close(ignore_errors=True)

    def blocks(self) -> Iterator[npt.NDArray[np.float32]]:
        """Samples (samples, channels) as they come; empty while there are none. Ends when the microphone is gone."""
        last = time.monotonic()
        while time.monotonic() - last < _SILENT_SECONDS:
            try:
                yield self._blocks.get(timeout=0.1)
                last = time.monotonic()
            except queue.Empty:
                yield np.zeros((0, 1), np.float32)


def _load_sounddevice() -> ModuleType:
    with needs_extra("asr listen"):
        try:
            import sounddevice
        except OSError:
            raise ExtraError(
                "asr listen needs PortAudio, which is not installed; on Debian and Ubuntu: apt install libportaudio2; "
                "or give a file with --file"
            ) from None
    module: ModuleType = sounddevice
    return module


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
