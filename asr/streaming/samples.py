"""What a caller has, at any rate and piece by piece -> the waveform of a stream: float32, 16 kHz, mono, in [-1, 1]."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32

from asr.audio import SAMPLE_RATE
from asr.conversion import StreamConverter
from asr.errors import AudioError, NotFiniteAudioError
from asr.sound_input import as_floats, whole_rate

Samples: TypeAlias = bytes | bytearray | memoryview | npt.NDArray[np.generic]
_EXPECTED = "bytes of 16-bit samples (little-endian, one channel), or an array (samples,) or (samples, channels)"


class SampleStream:
    """Pieces of any length, all at one rate -> 16 kHz; how the sound is cut into pieces does not change the result.

    Full scale follows from the type: 1 for floats, the range of the type for integers. It is never guessed from the
    peak: floats beyond 1 are divided by the peak so far (`asr.conversion.PeakScaling`).
    """

    def __init__(self) -> None:
        self._converter: StreamConverter | None = None
        self._rate = 0
        self._odd_byte = b""
        self._num_samples = 0

    def convert(self, samples: Samples | object, rate: object) -> Float32[np.ndarray, "_"]:
        """What is ready of the waveform after the next piece: resampling looks a little ahead.

        Raises:
            AudioError: the rate is impossible or another one than before; the samples are of another type or shape, or
                NaN or infinite. What came before is not lost.
        """
        found = whole_rate(rate)
        if self._converter is not None and found != self._rate:
            raise AudioError(f"the stream is at {self._rate} Hz, found samples at {found} Hz; open another stream")
        rows = self._rows(samples)
        floats = as_floats(rows)
        finite = np.isfinite(floats).all(axis=1)
        if not finite.all():
            where = self._num_samples + int(np.argmin(finite))
            raise NotFiniteAudioError(f"the stream: sample {where}, at {where / found:.3f} s, is NaN or infinite")
        if self._converter is None:
            self._converter, self._rate = StreamConverter(found, SAMPLE_RATE), found
        self._num_samples += len(floats)
        return self._converter.convert(floats.mean(axis=1, dtype=np.float64).astype(np.float32))

    def finish(self) -> Float32[np.ndarray, "_"]:
        """The last samples, which resampling held back."""
        return np.zeros(0, np.float32) if self._converter is None else self._converter.finish()

    def _rows(self, samples: Samples | object) -> npt.NDArray[np.generic]:
        """Samples as (samples, channels); half a sample at the end of bytes waits for its other half."""
        if isinstance(samples, bytes | bytearray | memoryview):
            content = self._odd_byte + bytes(samples)
            whole = len(content) // 2 * 2
            self._odd_byte = content[whole:]
            return np.frombuffer(content[:whole], "<i2")[:, None]
        if isinstance(samples, np.ndarray) and samples.ndim == 1:
            return samples[:, None]
        if isinstance(samples, np.ndarray) and samples.ndim == 2 and samples.shape[1] > 0:
            return samples
        described = f"an array of shape {samples.shape}" if isinstance(samples, np.ndarray) else type(samples).__name__
        raise AudioError(f"found {described}, expected {_EXPECTED}")
