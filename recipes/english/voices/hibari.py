"""hibari-tts (Apache-2.0), about 50 times as fast as real time: one voice, made into many speakers as in the demo."""

import numpy as np

from recipes.demo import voice as demo
from recipes.english.voices.speech import Speech, installed_version

PITCH = (85.0, 300.0)  # median F0 of a speaker in Hz
FORMANTS = (0.84, 1.18)  # those for the lowest and the highest pitch
FORMANTS_SPREAD = 0.03
TEMPO = (0.6, 1.05)  # of the voice itself, which speaks faster than most people read
INTONATION = (0.7, 1.3)


class Hibari:
    """Each sentence has its own speaker: random pitch, and a vocal tract of about the matching length."""

    def __init__(self) -> None:
        self.version = installed_version("hibari-tts", "hibari")
        self._synthesizer = demo.Synthesizer()

    def say(self, sentence: str, rng: np.random.Generator) -> Speech:
        height = rng.uniform()
        formants = np.interp(height, (0, 1), FORMANTS) + FORMANTS_SPREAD * rng.standard_normal()
        speaker = demo.Voice(
            name=f"hibari-{10 * height:.0f}",
            pitch=PITCH[0] * (PITCH[1] / PITCH[0]) ** height,
            formants=float(np.clip(formants, *FORMANTS)),
            tempo=rng.uniform(*TEMPO),
            intonation=rng.uniform(*INTONATION),
        )
        seed = int(rng.integers(2**31))
        phonemes = " ".join(self._synthesizer.phonemes(sentence))
        samples, _ = self._synthesizer.sound(phonemes, speaker, seed=seed)
        return Speech(samples, demo.SAMPLE_RATE, speaker.name)


def load() -> Hibari:
    """The voice.

    Raises:
        CorpusError: hibari-tts is not installed, or in a version that is not known here.
    """
    return Hibari()
