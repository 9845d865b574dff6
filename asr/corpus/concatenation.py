"""Two short utterances joined into one, so that the model sees longer word sequences than the corpus has."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from asr.audio import SAMPLE_RATE
from asr.corpus.effects.level import frame_powers
from asr.tokens import Tokens

# With a pause of 0.24 s or more, and frames of up to 80 ms, two texts that fit into their sounds also fit into the
# joined one, with the separator or the blank between two equal tokens.
PAUSE_SECONDS = 0.4


def pair_up(
    durations: Sequence[float], *, share: float, max_seconds: float, rng: np.random.Generator
) -> list[tuple[int, ...]]:
    """Each utterance once, alone or in a pair; `durations`, and `max_seconds` of a pair with its pause, in seconds.

    Every utterance is drawn with the probability `share`; the drawn ones make pairs at random, where they fit.
    """
    drawn = rng.permutation(np.flatnonzero(rng.random(len(durations)) < share)).tolist()
    pairs = [pair for pair in zip(drawn[::2], drawn[1::2], strict=False) if seconds(pair, durations) <= max_seconds]
    paired = {index for pair in pairs for index in pair}
    return [*((index,) for index in range(len(durations)) if index not in paired), *pairs]


def seconds(unit: Sequence[int], durations: Sequence[float]) -> float:
    """Duration of one utterance, or of several with the pauses between them."""
    return sum(durations[index] for index in unit) + PAUSE_SECONDS * (len(unit) - 1)


def separator(tokens: Tokens) -> tuple[int, ...]:
    """The tokens between two texts: the space, for characters; none where a word's first token marks its start."""
    letter = min(tokens.alphabet - {" "})
    once, twice = tokens.encode(letter), tokens.encode(f"{letter} {letter}")
    return tuple(twice[len(once) : len(twice) - len(once)])


def concatenate(
    first: Float32[np.ndarray, "samples"], second: Float32[np.ndarray, "others"], rng: np.random.Generator
) -> Float32[np.ndarray, "both"]:
    """One waveform after the other; the pause between them is noise, as loud as the quietest 20 ms of the two."""
    quietest = np.sqrt(min(frame_powers(waveform).min() for waveform in (first, second)))
    pause = quietest * rng.standard_normal(round(PAUSE_SECONDS * SAMPLE_RATE))
    return np.concatenate([first, pause.astype(np.float32).clip(-1, 1), second])
