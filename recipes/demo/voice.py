"""Pseudo-speakers for the demo: one synthetic voice, made into men, women and children.

The speech comes from the package hibari-tts 0.2.1: code and its voice "heart" (a US female voice included in the
package) are licensed Apache-2.0. Its network gives F0 and spectral envelope for each frame, and a vocoder makes sound
of them, so three changes make another speaker:

- pitch and intonation: F0 is moved, and its range scaled on the logarithmic axis;
- vocal tract: the vocoder's output is played at another sampling rate, which stretches the whole frequency axis evenly,
  as a shorter vocal tract does; F0 and tempo are set beforehand so that they come out as wanted;
- tempo: the network takes the speaking rate as an input.

The network also predicts how long each phoneme lasts, which gives the times of the words.
"""

import importlib.metadata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from asr.errors import CorpusError

SAMPLE_RATE = 16_000
TTS_VERSION = "0.2.1"  # the name of the durations inside the network is this version's

_TTS_SAMPLE_RATE = 24_000
_TTS_PITCH = 190.0  # median F0 of the voice as it is, in Hz; measured over 192 of the demo's sentences
_MIN_VOICED = 40.0  # Hz; the vocoder treats frames of lower F0 as unvoiced
_SECONDS_PER_DURATION = 2 * 300 / _TTS_SAMPLE_RATE  # durations count pairs of frames, 300 samples each
_DURATIONS = "/Sub_output_0"  # in the network of TTS_VERSION, the durations at speed 1 before they are rounded
_DURATIONS_LAG = 1.0  # by how much boundaries from durations are later than onsets and ends of F0; measured
_AUDIBLE_DB = -35.0  # a frame this far below the loudest one is silence

Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker: median F0 `pitch` in Hz, and factors (1 is the voice as it is).

    `formants` stretches the frequency axis, `tempo` is the speaking rate (met within 6 %: the network counts time
    in steps of 25 ms a phoneme), `intonation` scales the range of F0 in octaves.
    """

    name: str
    pitch: float
    formants: float
    tempo: float
    intonation: float


# Men around 120 Hz with long vocal tracts, women around 200 Hz, children around 280 Hz with short ones.
VOICES = {
    "train": (
        Voice("bruno", pitch=100.0, formants=0.86, tempo=0.95, intonation=0.8),
        Voice("viktor", pitch=112.0, formants=0.90, tempo=1.10, intonation=1.1),
        Voice("jonas", pitch=124.0, formants=0.87, tempo=0.90, intonation=1.0),
        Voice("emil", pitch=138.0, formants=0.94, tempo=1.05, intonation=0.9),
        Voice("clara", pitch=176.0, formants=0.97, tempo=1.00, intonation=1.0),
        Voice("ingrid", pitch=192.0, formants=1.00, tempo=0.90, intonation=1.1),
        Voice("nora", pitch=208.0, formants=1.04, tempo=1.10, intonation=0.8),
        Voice("sofia", pitch=224.0, formants=1.01, tempo=1.00, intonation=1.2),
        Voice("timo", pitch=252.0, formants=1.12, tempo=0.95, intonation=1.0),
        Voice("lotte", pitch=270.0, formants=1.16, tempo=1.05, intonation=1.1),
        Voice("mia", pitch=290.0, formants=1.13, tempo=0.90, intonation=0.9),
        Voice("finn", pitch=306.0, formants=1.19, tempo=1.00, intonation=1.0),
    ),
    "dev": (
        Voice("henrik", pitch=118.0, formants=0.88, tempo=1.00, intonation=1.0),
        Voice("julia", pitch=200.0, formants=1.02, tempo=1.05, intonation=0.9),
        Voice("paula", pitch=280.0, formants=1.14, tempo=0.95, intonation=1.0),
    ),
    "test": (
        Voice("gustav", pitch=95.0, formants=0.85, tempo=1.00, intonation=0.9),  # lower than any in training
        Voice("otto", pitch=131.0, formants=0.91, tempo=0.98, intonation=1.0),
        Voice("marta", pitch=184.0, formants=0.99, tempo=1.06, intonation=0.9),
        Voice("elsa", pitch=214.0, formants=1.06, tempo=0.94, intonation=1.1),
        Voice("ida", pitch=262.0, formants=1.14, tempo=1.02, intonation=1.0),
        Voice("max", pitch=318.0, formants=1.20, tempo=0.98, intonation=1.0),  # higher than any in training
    ),
}


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """A word and when it sounds, in seconds from the start of the waveform."""

    word: str
    start: float
    end: float


class Synthesizer:
    """Text to speech in any `Voice`. Loading takes about half a second; it computes in one thread.

    Raises:
        CorpusError: if hibari-tts is not installed, or in a version that this module does not know.
    """

    def __init__(self) -> None:
        require_tts()
        from hibari import Hibari
        from hibari.voices import voice_path

        network = Path(voice_path("heart", download_missing=False)).read_bytes()
        self._tts = Hibari(model=_with_output(network, _DURATIONS), threads=1)

    def speak(self, text: str, voice: Voice, *, seed: int) -> tuple[Waveform, list[SpokenWord]]:
        """Say one sentence. Returns samples at 16 kHz, with silence at both ends, and the times of the words.

        `text` is written normally, without digits, with its full stop or question mark. Each word ends where the next
        begins. Where voicing starts or ends between two words, the boundary is 15 ms from there in the median, and at
        most 65 ms in nine of ten.
        """
        (phonemes,) = self.phonemes(text)
        waveform, durations = self.sound(phonemes, voice, seed=seed)
        boundaries = _word_boundaries(phonemes, durations) * _SECONDS_PER_DURATION / voice.formants
        start, end = _audible(waveform)
        edges = [start, *boundaries.tolist(), end]
        words = text.upper().rstrip(".?").split()
        return waveform, [SpokenWord(*word) for word in zip(words, edges[:-1], edges[1:], strict=True)]

    def phonemes(self, text: str) -> list[str]:
        """The phonemes of a text, one string per sentence."""
        return list(self._tts.phonemize(text))

    def sound(self, phonemes: str, voice: Voice, *, seed: int) -> tuple[Waveform, npt.NDArray[np.float32]]:
        """Say phonemes. Returns samples at 16 kHz, and how long each phoneme lasts in the network's own unit."""
        from hibari import dsp

        durations = self._run_network(phonemes, speed=1.0)[-1]
        speed = _speed_for(voice.tempo / voice.formants, durations)
        *spectra, f0, _ = self._run_network(phonemes, speed=speed)
        sound = dsp.synth(*spectra, _move_pitch(f0, voice), np.random.default_rng(seed))
        waveform = soxr.resample(sound, _TTS_SAMPLE_RATE * voice.formants, SAMPLE_RATE)
        return waveform, _rounded(durations, speed)

    def _run_network(self, phonemes: str, *, speed: float) -> list[npt.NDArray[np.float32]]:
        """Spectra (five arrays, bins by frames), F0 (a value a frame), durations (a value a phoneme, at speed 1)."""
        ids = np.asarray([self._tts.ids(phonemes)], np.int64)
        *frames, durations = self._tts.sess.run(None, {"ids": ids, "speed": np.asarray([speed], np.float32)})
        return [*(array[0] for array in frames), durations]


def require_tts() -> None:
    """Check that hibari-tts is installed, in the version that this module knows.

    Raises:
        CorpusError: if not.
    """
    try:
        found = importlib.metadata.version("hibari-tts")
    except importlib.metadata.PackageNotFoundError:
        found = "none"
    if found != TTS_VERSION:
        raise CorpusError(
            f"demo corpus: it is spoken by hibari-tts {TTS_VERSION}, found {found}; "
            'install it with: pip install "recurrent-asr[demo]"'
        )


def _move_pitch(f0: npt.NDArray[np.float32], voice: Voice) -> npt.NDArray[np.float32]:
    """F0 for the vocoder: the voice's, divided by `formants` because playing it faster multiplies it again."""
    voiced = f0 > _MIN_VOICED
    ratio = np.where(voiced, f0, _TTS_PITCH) / _TTS_PITCH
    moved = voice.pitch / voice.formants * ratio**voice.intonation
    return np.where(voiced, moved, 0.0).astype(np.float32)


def _rounded(durations: npt.NDArray[np.float32], speed: float | npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The durations as the network itself rounds them."""
    return np.maximum(np.round(durations / np.float32(speed)), 1)


def _speed_for(tempo: float, durations: npt.NDArray[np.float32]) -> float:
    """The `speed` that makes speech `tempo` times as fast.

    It differs from `tempo`: durations are often 2, and are rounded back to 2 after division by any number up to 1.33.
    """
    speeds = np.linspace(0.5, 2.0, num=151, dtype=np.float32)
    totals = _rounded(durations, speeds[:, np.newaxis]).sum(axis=1)
    wanted = _rounded(durations, 1.0).sum() / tempo
    return float(speeds[np.abs(totals - wanted).argmin()])


def _word_boundaries(phonemes: str, durations: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Where words meet, in the durations' unit: the middle of each space, less the lag.

    `durations` has one for each phoneme, and one for the silence before and after them all.
    """
    ends = np.cumsum(durations, dtype=np.float64)
    spaces = [place for place, phoneme in enumerate(phonemes, start=1) if phoneme == " "]
    return ends[spaces] - durations[spaces] / 2 - _DURATIONS_LAG


def _audible(waveform: Waveform) -> tuple[float, float]:
    """Start and end of the audible part, in seconds."""
    hop = SAMPLE_RATE // 100
    frames = waveform[: len(waveform) // hop * hop].reshape(-1, hop)
    energy = np.square(frames).mean(axis=1)
    (audible,) = np.nonzero(energy > energy.max() * 10 ** (_AUDIBLE_DB / 10))
    return float(audible[0] * hop / SAMPLE_RATE), float((audible[-1] + 1) * hop / SAMPLE_RATE)


def _with_output(network: bytes, tensor: str) -> bytes:
    """An ONNX network that returns one more of its inner tensors.

    ONNX files are protocol buffers: a message that is appended is merged, so the new output needs no ONNX package.
    """
    name = _field(1, tensor.encode())  # ValueInfoProto.name
    return network + _field(7, _field(12, name))  # ModelProto.graph, GraphProto.output


def _field(number: int, content: bytes) -> bytes:
    """One protocol buffer field of fewer than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content
