"""Checks of the sound of one utterance."""

import hashlib
from dataclasses import dataclass

import numpy as np

from asr.audio import Sound, read_sound
from asr.corpus.checks.findings import Finding, Kind
from asr.corpus.manifest import Utterance
from asr.errors import AudioError, system_reason

SILENT_PEAK = 1e-4  # of full scale, -80 dB: three steps of a 16-bit file
QUIET_LEVEL = -55.0  # dB below full scale, of the whole utterance; the quietest of AN4 has -48 dB
_FULL_SCALE = 0.999
_MOST_CLIPPED = 0.001  # of the samples
_MOST_OFFSET = 0.02  # of full scale
_MOST_SECONDS_OFF = 0.1  # mp3 and rounded manifests are off by up to a twentieth


@dataclass(frozen=True, slots=True)
class Heard:
    """What listening to an utterance gave; rate (Hz), duration (seconds) and key are 0 if it can not be used.

    `key` is a 64-bit hash of the samples, so that a copy in another lossless format is known again.
    """

    sample_rate: int
    duration: float
    key: int
    findings: tuple[Finding, ...]


def listen(utterance: Utterance) -> Heard:
    """Read the sound of an utterance and check it."""
    try:
        if not utterance.audio_filepath.is_file():
            return _unusable(utterance, Kind.MISSING_SOUND, f"{utterance.audio_filepath}: no such file")
        sound = read_sound(
            utterance.audio_filepath,
            offset=utterance.offset or 0.0,
            duration=None if utterance.offset is None else utterance.duration,
            channel=utterance.channel_selector,
        )
        return _check(utterance, sound)
    except AudioError as error:
        return _unusable(utterance, _kind_of(error, utterance), str(error))
    except OSError as error:  # the name is too long, or a folder above is closed to us
        return _unusable(utterance, Kind.MISSING_SOUND, f"{utterance.audio_filepath}: {system_reason(error)}")
    except MemoryError:
        return _unusable(utterance, Kind.UNREADABLE_SOUND, f"{utterance.audio_filepath}: does not fit into memory")


def _check(utterance: Utterance, sound: Sound) -> Heard:
    samples = sound.samples
    mono = sound.mono().astype(np.float64)
    waves = mono - mono.mean()
    if np.abs(waves).max() < SILENT_PEAK:
        return _unusable(utterance, Kind.SILENT, f"the loudest sample is below {20 * np.log10(SILENT_PEAK):.0f} dB")
    found = [(Kind.DOUBTFUL, sound.doubt)] if sound.doubt else []
    if abs(sound.duration - utterance.duration) > _MOST_SECONDS_OFF:
        said = f"the manifest says {utterance.duration:.3f} s, the file has {sound.duration:.3f} s"
        found.append((Kind.WRONG_DURATION, said))
    level = 10 * float(np.log10(np.mean(waves**2)))
    if level < QUIET_LEVEL:
        found.append((Kind.QUIET, f"{level:.1f} dB below full scale on average, expected more than {QUIET_LEVEL:.0f}"))
    clipped = float(np.mean(np.abs(samples) >= _FULL_SCALE))
    if clipped > _MOST_CLIPPED:
        found.append((Kind.CLIPPED, f"{100 * clipped:.2f} % of the samples are at full scale"))
    offset = float(samples.mean(dtype=np.float64))
    if abs(offset) > _MOST_OFFSET:
        found.append((Kind.DC_OFFSET, f"the mean of the samples is {offset:+.3f} of full scale"))
    digest = hashlib.blake2b(samples.tobytes(), digest_size=8, salt=sound.sample_rate.to_bytes(4, "little")).digest()
    return Heard(
        sound.sample_rate,
        sound.duration,
        int.from_bytes(digest, "little") or 1,
        tuple(Finding(kind, utterance.id, utterance.line, detail) for kind, detail in found),
    )


def _unusable(utterance: Utterance, kind: Kind, detail: str) -> Heard:
    return Heard(0, 0.0, 0, (Finding(kind, utterance.id, utterance.line, detail),))


def _kind_of(error: AudioError, utterance: Utterance) -> Kind:
    reason = str(error).removeprefix(f"{utterance.audio_filepath}: ")
    if reason.startswith("truncated"):
        return Kind.TRUNCATED_SOUND
    return Kind.NOT_FINITE if reason.startswith("holds samples that are NaN") else Kind.UNREADABLE_SOUND
