"""A line of a manifest -> its sound."""

import numpy as np
from jaxtyping import Float32

from asr.audio import Sound, read_sound, sound_to_waveform, warn_once
from asr.corpus.manifest import Utterance
from asr.decoders.opening import EncodedSound


def load_utterance(utterance: Utterance, sound: EncodedSound | None = None) -> Float32[np.ndarray, "samples"]:
    """The waveform of one line of a manifest, read from its file, or from `sound` if that is given.

    Raises:
        AudioError: the file cannot be used.
    """
    source = sound or utterance.audio_filepath
    found = read_utterance(utterance, sound)
    warn_once(found, source)
    return sound_to_waveform(found, source)


def read_utterance(utterance: Utterance, sound: EncodedSound | None = None) -> Sound:
    """The samples of one line of a manifest before any conversion, from its file, or from `sound` if that is given.

    Raises:
        AudioError: the file cannot be used.
    """
    source = sound or utterance.audio_filepath
    channel = utterance.channel_selector
    if utterance.offset is None:
        return read_sound(source, channel=channel)
    return read_sound(source, offset=utterance.offset, duration=utterance.duration, channel=channel)
