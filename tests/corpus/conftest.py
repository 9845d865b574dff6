"""A sound that the tests of effects and of pauses share."""

import numpy as np
import pytest

from tests.support.loudness import BURST, RATE


@pytest.fixture(scope="session")
def burst() -> np.ndarray:
    """A second of a tone in four seconds of hiss 60 dB below it; not to be changed."""
    samples = 1e-4 * np.random.default_rng(0).standard_normal(4 * RATE)
    samples[BURST] += 0.1 * np.sqrt(2) * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    return samples.astype(np.float32)
