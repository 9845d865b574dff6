"""Small taggers with random weights."""

import numpy as np
import numpy.typing as npt

from asr.text.tagger import NUM_OUTPUTS, Direction, Tagger, TaggerSettings

WORDS = ("the", "cat", "mcdonald", "sat", "i", "on", "nato")
SIZE, CELLS, BUCKETS = 5, 4, 11


def random_tagger(seed: int = 1, *, settings: TaggerSettings | None = None) -> Tagger:
    """Large weights, so that the words far away matter too."""
    rng = np.random.default_rng(seed)

    def array(*shape: int) -> npt.NDArray[np.float32]:
        return rng.normal(0, 1.0, shape).astype(np.float32)

    def direction(inputs: int) -> Direction:
        return Direction(array(4 * CELLS, inputs), array(4 * CELLS, CELLS), array(4 * CELLS))

    return Tagger(
        settings or TaggerSettings(left=6, step=3, right=4),
        WORDS,
        {"mcdonald": "McDonald"},
        array(len(WORDS), SIZE),
        array(BUCKETS, SIZE),
        [(direction(SIZE), direction(SIZE)), (direction(2 * CELLS), direction(2 * CELLS))],
        array(NUM_OUTPUTS, 2 * CELLS),
        array(NUM_OUTPUTS),
    )


def always(mark: int, case: int, *, settings: TaggerSettings | None = None) -> Tagger:
    """One that says the same of every word, with a margin of 1 nat over each other mark and case."""
    tagger = random_tagger(settings=settings)
    bias = np.zeros(NUM_OUTPUTS, np.float32)
    bias[mark] = bias[4 + case] = 1.0
    output = np.zeros_like(tagger.output)
    return Tagger(
        tagger.settings, tagger.vocabulary, tagger.mixed, tagger.words, tagger.letters, tagger.layers, output, bias
    )
