"""What speech is heard through, for the model card: each condition changes a recording, the same way every time."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float32

from asr.audio import SAMPLE_RATE
from asr.corpus.effects.noise import add_noise, coloured_noise, speech_shaped_noise
from asr.corpus.effects.nonspeech import nonspeech
from asr.corpus.effects.room import reverberate
from asr.corpus.effects.telephone import telephone
from asr.corpus.manifest import Utterance
from asr.corpus.utterances import load_utterance
from asr.recognizer import Recognizer
from asr.scoring import Score, score

Samples = Float32[np.ndarray, "_"]
Condition = Callable[[Samples, np.random.Generator], Samples]

NUM_ALONE, ALONE_SECONDS = 40, 5.0
_BATCH = 16
_ROOM, _PINK = 4.5, 3.0  # decibels that noise falls by in an octave


def _with_silence(samples: Samples, rng: np.random.Generator) -> Samples:
    silence = np.zeros(SAMPLE_RATE, np.float32)
    return np.concatenate([silence, samples, silence])


def _noisy(kind: Callable[[int, np.random.Generator], np.ndarray], snr: float) -> Condition:
    return lambda samples, rng: add_noise(samples, kind(len(samples), rng), snr).astype(np.float32)


CONDITIONS: dict[str, Condition] = {
    "as recorded": lambda samples, rng: samples,
    "a second of silence before and after": _with_silence,
    "noise of a room, 20 dB below the speech": _noisy(lambda n, rng: coloured_noise(n, _ROOM, rng), 20.0),
    "pink noise, 10 dB below": _noisy(lambda n, rng: coloured_noise(n, _PINK, rng), 10.0),
    "noise like many voices, 10 dB below": _noisy(speech_shaped_noise, 10.0),
    "a large room (0.5 s)": lambda samples, rng: reverberate(samples, 0.5, rng).astype(np.float32),
    "a telephone (8 kHz, mu-law)": lambda samples, rng: telephone(samples, "mu").astype(np.float32),
}


def score_in(condition: Condition, recognizer: Recognizer, utterances: Sequence[Utterance]) -> Score:
    """The score of utterances that are heard through a condition.

    Raises:
        AudioError: a sound file cannot be used.
    """
    sounds = [
        condition(load_utterance(utterance), np.random.default_rng(number))
        for number, utterance in enumerate(utterances)
    ]
    return score([utterance.text for utterance in utterances], _texts(recognizer, sounds))


def num_heard_in_nothing(recognizer: Recognizer) -> int:
    """In how many of `NUM_ALONE` sounds without speech (noises, hums, melodies, clicks) a text is heard."""
    levels = 10.0 ** (-np.linspace(10, 50, NUM_ALONE) / 20)  # from 10 to 50 dB below full scale
    sounds = []
    for number, level in enumerate(levels):
        sound = nonspeech(round(ALONE_SECONDS * SAMPLE_RATE), np.random.default_rng(number))
        sounds.append((level * sound / np.abs(sound).max()).astype(np.float32))
    return sum(bool(text) for text in _texts(recognizer, sounds))


def _texts(recognizer: Recognizer, sounds: Sequence[Samples]) -> list[str]:
    found: list[str] = []
    for start in range(0, len(sounds), _BATCH):
        log_probs = recognizer.log_probs(list(sounds[start : start + _BATCH]))
        found += [recognizer.tokens.decode(best.tokens) for best in recognizer.decode(log_probs)]
    return found
