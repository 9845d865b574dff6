"""A stand-in for the package sounddevice: a microphone that hears a given sound, at its own rate and channels."""

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest


class PortAudioError(Exception):
    """As in sounddevice."""


@dataclass
class FakeMicrophone:
    """`lost`: blocks, by number, that the system drops; `ends`: after the sound no more blocks come."""

    samples: np.ndarray  # (samples, channels)
    rate: int
    lost: set[int] = field(default_factory=set)
    is_missing: bool = False

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        module: Any = ModuleType("sounddevice")
        module.PortAudioError = PortAudioError
        module.query_devices = self._query
        module.check_input_settings = self._check
        module.InputStream = self._open
        monkeypatch.setitem(sys.modules, "sounddevice", module)

    def _query(self, device: int | str | None, kind: str) -> dict[str, float]:
        if self.is_missing:
            raise PortAudioError("Error querying device -1")
        return {"default_samplerate": float(self.rate), "max_input_channels": self.samples.shape[1]}

    def _check(self, *, channels: int, **_: Any) -> None:
        if channels != self.samples.shape[1]:
            raise PortAudioError("Invalid number of channels")

    def _open(
        self, *, callback: Callable[..., None], blocksize: int, samplerate: int, channels: int, **_: Any
    ) -> SimpleNamespace:
        assert (samplerate, channels) == (self.rate, self.samples.shape[1])

        def run() -> None:
            overflow = False
            buffer = np.zeros((blocksize, channels), np.float32)  # used again for each block, as PortAudio does
            for number, start in enumerate(range(0, len(self.samples), blocksize)):
                if number in self.lost:
                    overflow = True
                    continue
                block = self.samples[start : start + blocksize]
                buffer[: len(block)] = block
                times = SimpleNamespace(inputBufferAdcTime=100 + start / self.rate)
                callback(buffer[: len(block)], len(block), times, SimpleNamespace(input_overflow=overflow))
                overflow = False

        thread = threading.Thread(target=run)
        return SimpleNamespace(start=thread.start, abort=lambda **_: thread.join(), close=lambda **_: None)
