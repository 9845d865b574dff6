"""Log-probabilities (frames, vocab) as NumPy arrays: random ones, and those of given probabilities."""

import numpy as np
import torch
from torch import Tensor


def gaussian_log_probs(num_frames: int, vocab: int, seed: int, scale: float = 2.0) -> np.ndarray:
    """In float64."""
    generator = torch.Generator().manual_seed(seed)
    return log_softmax(scale * torch.randn(num_frames, vocab, dtype=torch.float64, generator=generator))


def long_log_probs(num_frames: int, seed: int, vocab: int = 4) -> np.ndarray:
    """In float32, as a model gives them."""
    generator = torch.Generator().manual_seed(seed)
    return log_softmax(2 * torch.randn(num_frames, vocab, generator=generator))


def log_softmax(logits: Tensor) -> np.ndarray:
    log_probs: np.ndarray = logits.log_softmax(-1).numpy()
    return log_probs


def log_of(probabilities: object) -> np.ndarray:
    """In float64; of zero, minus infinity."""
    with np.errstate(divide="ignore"):
        log_probs: np.ndarray = np.log(np.asarray(probabilities, np.float64))
    return log_probs
