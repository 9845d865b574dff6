"""Checks of the sound of one utterance.

The limits were chosen so that 5,000 good utterances of AN4, LibriSpeech, Common Voice, speechocean762 and two others
give no finding; the comment beside each limit has the worst value among these.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from asr.audio import SAMPLE_RATE, Sound
from asr.corpus.audio_statistics import clipped_share, dc_offset
from asr.corpus.doctor.findings import Finding, Kind
from asr.corpus.doctor.fingerprint import fingerprint
from asr.corpus.doctor.measures import (
    Floats,
    Samples,
    Silence,
    Spectra,
    dropouts,
    flat_tops,
    interpolation,
    level_range,
    silence,
    spectra,
    upper_band,
)
from asr.corpus.manifest import Utterance
from asr.corpus.utterances import read_utterance
from asr.errors import AudioError, NotFiniteAudioError, TruncatedAudioError, system_reason
from asr.silence import SILENT_PEAK

QUIET_LEVEL = -55.0  # dB below full scale, of the whole utterance; the quietest of AN4 has -48 dB
_MOST_CLIPPED = 0.001  # of the samples
_MOST_FLAT = 0.0002  # of the samples, in runs of equal ones at the peak; 0 in all
_MOST_OFFSET = 0.02  # of full scale
_MOST_SECONDS_OFF = 0.1  # mp3 and rounded manifests are off by up to a twentieth
_LEAST_RANGE = 6.0  # dB between quiet and loud frames; 11, and about 1 in noise
_LEAST_UPPER = -68.0, -93.0  # dB of the upper band, below the whole and below full scale; -65 and -85
_MOST_INTERPOLATED = 15.0  # dB; 2
_MOST_SILENCE = 4.0  # seconds at one end; 3.8
_LEAST_SILENCE = 2.0  # or more than this, if it is more than half of the sound; 42 %


_KINDS = ((TruncatedAudioError, Kind.TRUNCATED_SOUND), (NotFiniteAudioError, Kind.NOT_FINITE))


@dataclass(frozen=True, slots=True)
class AudioReport:
    """The findings and measures of one sound; rate (Hz), duration, active (seconds) and keys are 0 if it is unusable.

    `active` is how long it is not silent. `key` is a 64-bit hash of the samples, by which a copy in another lossless
    format is recognised; `fingerprint` is one that a copy at another gain shares too.
    """

    sample_rate: int
    duration: float
    active: float
    key: int
    fingerprint: int
    findings: tuple[Finding, ...]


def check_audio(utterance: Utterance) -> AudioReport:
    """Read the sound of an utterance and check it."""
    try:
        if not utterance.audio_filepath.is_file():
            return _unusable(utterance, Kind.MISSING_SOUND, f"{utterance.audio_filepath}: no such file")
        return _check(utterance, read_utterance(utterance))
    except AudioError as error:
        kind = next((kind for cause, kind in _KINDS if isinstance(error, cause)), Kind.UNREADABLE_SOUND)
        return _unusable(utterance, kind, str(error))
    except OSError as error:  # the name is too long, or a parent folder is not accessible
        return _unusable(utterance, Kind.MISSING_SOUND, f"{utterance.audio_filepath}: {system_reason(error)}")
    except MemoryError:
        return _unusable(utterance, Kind.UNREADABLE_SOUND, f"{utterance.audio_filepath}: does not fit into memory")


def _check(utterance: Utterance, sound: Sound) -> AudioReport:
    samples = sound.samples
    waves = sound.mono().astype(np.float32)
    waves -= waves.mean(dtype=np.float64)
    if np.abs(waves).max() < SILENT_PEAK:
        return _unusable(utterance, Kind.SILENT, f"the loudest sample is below {20 * np.log10(SILENT_PEAK):.0f} dB")
    power = spectra(waves, sound.sample_rate)
    levels = power.levels()
    quiet = silence(levels, power.seconds)
    found = [
        *_of_length(utterance, sound),
        *_of_channels(sound),
        *_of_level(samples, waves),
        *_of_content(waves, sound.sample_rate, power, levels, quiet),
    ]
    digest = hashlib.blake2b(samples.tobytes(), digest_size=8, salt=sound.sample_rate.to_bytes(4, "little")).digest()
    return AudioReport(
        sound.sample_rate,
        sound.duration,
        quiet.active,
        int.from_bytes(digest, "little") or 1,
        fingerprint(power),
        tuple(Finding(kind, utterance.id, utterance.line, detail) for kind, detail in found),
    )


def _of_length(utterance: Utterance, sound: Sound) -> Iterator[tuple[Kind, str]]:
    if abs(sound.duration - utterance.duration) > _MOST_SECONDS_OFF:
        said = f"the manifest says {utterance.duration:.3f} s, the file has {sound.duration:.3f} s"
        yield Kind.WRONG_DURATION, said


def _of_channels(sound: Sound) -> Iterator[tuple[Kind, str]]:
    if sound.doubt:
        yield Kind.DOUBTFUL, sound.doubt
    dead = np.flatnonzero(np.var(sound.samples, axis=0, dtype=np.float64) < SILENT_PEAK**2 / 2)
    if len(dead):
        which = ", ".join(map(str, dead))
        yield Kind.DEAD_CHANNEL, f"channel {which} of {sound.num_channels} (from 0) is silent, which dilutes the others"


def _of_level(samples: Samples, waves: Samples) -> Iterator[tuple[Kind, str]]:
    level = 10 * float(np.log10(np.mean(waves.astype(np.float64) ** 2) + SILENT_PEAK**4))
    if level < QUIET_LEVEL:
        yield Kind.QUIET, f"{level:.1f} dB below full scale on average, expected more than {QUIET_LEVEL:.0f}"
    clipped = clipped_share(samples)
    flat = max(flat_tops(channel - channel.mean()) for channel in samples.T)
    if clipped > _MOST_CLIPPED:
        yield Kind.CLIPPED, f"{100 * clipped:.2f} % of the samples are at full scale"
    elif flat > _MOST_FLAT:
        yield Kind.CLIPPED, f"{100 * flat:.2f} % of the samples are in flat tops at the peak, {np.abs(waves).max():.2f}"
    offset = dc_offset(samples)
    if abs(offset) > _MOST_OFFSET:
        yield Kind.DC_OFFSET, f"the mean of the samples is {offset:+.3f} of full scale"


def _of_content(
    waves: Samples, sample_rate: int, power: Spectra, levels: Floats, quiet: Silence
) -> Iterator[tuple[Kind, str]]:
    if (range_ := level_range(levels)) < _LEAST_RANGE:
        yield Kind.NOISE, f"the level stays within {range_:.0f} dB: hum, noise or a tone, but no syllables and pauses"
        return
    below, level = upper_band(power)
    if sample_rate >= SAMPLE_RATE and (below < _LEAST_UPPER[0] or level < _LEAST_UPPER[1]):
        yield Kind.NARROW_BAND, f"nothing above 6 kHz ({below:.0f} dB): probably from 8 or 11 kHz, or a telephone"
    elif (better := interpolation(waves)) > _MOST_INTERPOLATED:
        yield Kind.NARROW_BAND, f"every second sample is made from its neighbours (to {better:.0f} dB)"
    seconds = len(waves) / sample_rate
    for where, still in (("first", quiet.before), ("last", quiet.after)):
        if still > _MOST_SILENCE or (still > _LEAST_SILENCE and still > seconds / 2):
            yield Kind.LONG_SILENCE, f"the {where} {still:.1f} s of {seconds:.1f} s are silent"
    lost, longest = dropouts(waves, sample_rate, levels, power.seconds)
    if lost:
        yield Kind.DROPOUTS, f"{lost} gaps within the sound, the longest of {1000 * longest:.0f} ms"


def _unusable(utterance: Utterance, kind: Kind, detail: str) -> AudioReport:
    return AudioReport(0, 0.0, 0.0, 0, 0, (Finding(kind, utterance.id, utterance.line, detail),))
