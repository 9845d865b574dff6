"""Augmentation: speed perturbation and effects on the waveform; the settings of these and of SpecAugment's masks
(`spec_augment.py`).

Each takes its randomness from the caller, so that one seed gives one training.
"""

from collections.abc import Callable
from typing import Annotated, TypeAlias

import numpy as np
import soxr
from jaxtyping import Float32
from pydantic import AfterValidator, Field

from asr.audio import SAMPLE_RATE
from asr.corpus.effects.codec import CODECS, COMPRESSIONS, transcode
from asr.corpus.effects.level import Samples, Voice, change_volume, clip
from asr.corpus.effects.noise import add_noise, babble, coloured_noise, tilt
from asr.corpus.effects.nonspeech import nonspeech
from asr.corpus.effects.pause import NO_PAUSES, PauseSeconds, add_pauses
from asr.corpus.effects.room import reverberate
from asr.corpus.effects.telephone import LAWS, telephone
from asr.settings import Settings


def ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    """Refuse a lowest number above the highest."""
    if bounds[0] > bounds[1]:
        raise ValueError("the first number has to be the smaller one")
    return bounds


_Decibels: TypeAlias = Annotated[float, Field(ge=-40, le=60)]
_Seconds: TypeAlias = Annotated[float, Field(ge=0.1, le=2)]
DecibelRange: TypeAlias = Annotated[tuple[_Decibels, _Decibels], AfterValidator(ordered)]
SecondRange: TypeAlias = Annotated[tuple[_Seconds, _Seconds], AfterValidator(ordered)]


class EffectSettings(Settings):
    """An effect that is applied to some of the utterances."""

    share: float = Field(ge=0, le=1)
    """Share of the utterances to which the effect is applied."""


class VolumeSettings(EffectSettings):
    """Another loudness."""

    decibels: DecibelRange = (-6.0, 6.0)
    """Lowest and highest gain, in dB."""


class NoiseSettings(EffectSettings):
    """Another sound beneath the speech."""

    snr: DecibelRange = (5.0, 25.0)
    """Lowest and highest signal-to-noise ratio (SNR), in dB."""


class ReverbSettings(EffectSettings):
    """A room."""

    rt60: SecondRange = (0.1, 0.6)
    """Shortest and longest reverberation time (RT60), in seconds: how long sound takes to fall by 60 dB."""


class ConcatenationSettings(EffectSettings):
    """Two utterances in one."""

    max_seconds: float = Field(10.0, gt=0, le=86_400)
    """The longest, in seconds, that two utterances and the pause between them may be."""


class PauseSettings(EffectSettings):
    """Pauses in which nobody speaks."""

    max_seconds: float = Field(3.0, gt=0, le=60)
    """The longest pause, in seconds; short ones are more frequent."""


class AugmentSettings(Settings):
    """Speed and effects on the waveform, masks on the features as in SpecAugment.

    A time mask is never wider than a tenth of its utterance (adaptive masks, Park et al. 2020), so that short
    utterances keep their words. The effects from `concatenation` to `codec` are applied in this order.
    """

    speeds: Annotated[tuple[Annotated[float, Field(ge=0.5, le=2)], ...], Field(max_length=1000)] = (0.9, 1.0, 1.1)
    """Speed perturbation: factors of speed and pitch, of which one is drawn for each utterance."""
    noise_share: float = Field(0.02, ge=0, lt=1)
    """Share of the utterances that are replaced by noise without words, so that the model learns to be silent."""
    nonspeech_share: float = Field(0.0, ge=0, le=1)
    """Share of this noise, and of the `pauses`, that is hum, a melody or loud noise instead of the noise of a room."""
    num_band_masks: int = Field(2, ge=0, le=1000)
    """How many frequency masks each utterance gets (SpecAugment)."""
    max_band_width: int = Field(20, ge=0, le=1000)
    """Widest frequency mask, in mel bands; never more than half of the bands."""
    num_time_masks: int = Field(2, ge=0, le=1000)
    """How many time masks each utterance gets (SpecAugment)."""
    max_time_width: int = Field(20, ge=0, le=100_000)
    """Longest time mask, in feature frames; never more than a tenth of the utterance."""
    concatenation: ConcatenationSettings | None = None
    """Two utterances of the corpus one after the other; none: off, as for the effects below."""
    pauses: PauseSettings | None = None
    """Silence and quiet noise before, within and after the speech."""
    reverb: ReverbSettings | None = None
    """Reverberation of a simulated room."""
    babble: NoiseSettings | None = None
    """Babble: other voices of the corpus beneath the speech."""
    added_noise: NoiseSettings | None = None
    """Noise of a random colour beneath the speech."""
    volume: VolumeSettings | None = None
    """Louder or quieter."""
    clipping: EffectSettings | None = None
    """Clipping: a recording with too much gain, its peaks flattened."""
    telephone: EffectSettings | None = None
    """A telephone line: 300 to 3400 Hz, 8 kHz, mu-law or A-law."""
    codec: EffectSettings | None = None
    """A lossy codec: encoded as mp3, opus or vorbis at various bit rates, and decoded."""


MAX_OCTAVE_DROP = 12.0  # decibels per octave, the steepest fall of background noise
CLIPPED_SHARES = (0.001, 0.02)  # lowest and highest share of samples that clipping flattens


def change_speed(waveform: Samples, factor: float) -> Float32[np.ndarray, "faster"]:
    """Play `factor` times as fast: shorter and higher (Ko et al. 2015)."""
    if factor == 1.0:
        return waveform
    faster: Float32[np.ndarray, "faster"] = soxr.resample(waveform, SAMPLE_RATE * factor, SAMPLE_RATE, quality="LQ")
    return faster


def choose_speed(settings: AugmentSettings, rng: np.random.Generator) -> float:
    return float(rng.choice(settings.speeds)) if settings.speeds else 1.0


def background_noise(num_samples: int, rng: np.random.Generator, *, nonspeech_share: float = 0.0) -> Samples:
    """What a microphone records where nobody speaks: noise of -70 to -30 dB, falling by 0 to 12 dB an octave; or, with
    the probability `nonspeech_share`, a sound of `nonspeech` of -60 to -10 dB.
    """
    if nonspeech_share and rng.random() < nonspeech_share:
        loud: Samples = (10 ** (rng.uniform(-60, -10) / 20) * nonspeech(num_samples, rng)).astype(np.float32)
        return loud.clip(-1, 1)
    noise = tilt(rng.standard_normal(num_samples), rng.uniform(0, 2))
    level = 10 ** (rng.uniform(-70, -30) / 20)
    scaled: Samples = (level * noise / np.sqrt(np.mean(noise**2))).astype(np.float32)
    return scaled.clip(-1, 1)


def distort(
    waveform: Samples,
    settings: AugmentSettings,
    rng: np.random.Generator,
    load_voices: Callable[[np.random.Generator], list[Voice]],
    pauses: PauseSeconds = NO_PAUSES,
) -> Float32[np.ndarray, "heard"]:
    """Add the pauses, then apply the effects of the settings, each with its probability; `load_voices` gives the voices
    of the babble.

    The result is as long as the waveform, except for added pauses.

    Each effect has its own generator, so that switching one on does not change the others.
    """
    samples = waveform
    streams = rng.spawn(8)
    if any(pauses):
        samples = add_pauses(samples, pauses, streams[7], nonspeech_share=settings.nonspeech_share)
    if (reverb := settings.reverb) and (own := streams[0]).random() < reverb.share:
        samples = reverberate(samples, own.uniform(*reverb.rt60), own)
    if (talk := settings.babble) and (own := streams[1]).random() < talk.share:
        samples = add_noise(samples, babble(load_voices(own), len(samples), own), own.uniform(*talk.snr))
    if (noise := settings.added_noise) and (own := streams[2]).random() < noise.share:
        colour = coloured_noise(len(samples), own.uniform(0, MAX_OCTAVE_DROP), own)
        samples = add_noise(samples, colour, own.uniform(*noise.snr))
    if (volume := settings.volume) and (own := streams[3]).random() < volume.share:
        samples = change_volume(samples, own.uniform(*volume.decibels))
    if (clipping := settings.clipping) and (own := streams[4]).random() < clipping.share:
        samples = clip(samples, own.uniform(*CLIPPED_SHARES))
    if (call := settings.telephone) and (own := streams[5]).random() < call.share:
        samples = telephone(samples, LAWS[own.integers(len(LAWS))])
    if (codec := settings.codec) and (own := streams[6]).random() < codec.share:
        name = CODECS[own.integers(len(CODECS))]
        samples = transcode(samples, name, own.uniform(*COMPRESSIONS[name]))
    return samples
