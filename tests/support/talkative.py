"""Recognisers with random weights that are never at a loss for words, and sounds for them."""

from typing import Any

import numpy as np
import torch

from asr.model import AcousticModel
from asr.model_folder import ModelParts
from asr.model_settings import ModelSettings
from asr.recognizer import Recognizer
from asr.search import SearchSettings
from asr.tokens import Tokens, TokenSettings
from asr.torch_engine import TorchEngine

SAMPLE_RATE = 16_000
TEXTS = ["THE CAT SAT ON THE MAT", "A DOG RAN OUT", "THE RAT ATE THE HAT"]
_SMALL = {"conv_channels": 4, "hidden_size": 24, "num_layers": 1}
_UNKNOWN_ID = 1


def char_tokens(texts: list[str] = TEXTS) -> Tokens:
    return Tokens.train(texts, TokenSettings(kind="char"))[0]


def talkative(
    seed: int = 0, *, tokens: Tokens | None = None, search: SearchSettings | None = None, **settings: Any
) -> Recognizer:
    """So sure of itself that it writes long texts, which depend on the sound."""
    tokens = tokens or char_tokens()
    torch.manual_seed(seed)
    model = AcousticModel(ModelSettings(**_SMALL | settings), vocab_size=len(tokens), sample_rate=SAMPLE_RATE)
    model.head.weight.data *= 40
    model.head.bias.data[_UNKNOWN_ID] = -100
    return Recognizer(ModelParts(TorchEngine(model), tokens, search or SearchSettings()))


def sound(num_samples: int, seed: int = 0, level: float = 0.1) -> np.ndarray:
    """Noise whose loudness and colour change every 50 ms; its peak is `level`."""
    rng = np.random.default_rng(seed)
    pieces = [np.convolve(rng.normal(size=800), rng.normal(size=5), "same") for _ in range(num_samples // 800 + 1)]
    wave = np.concatenate([rng.uniform(0.1, 1) * piece for piece in pieces])[:num_samples]
    return (level * wave / np.abs(wave).max()).astype(np.float32)
