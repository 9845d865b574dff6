"""Random log-probabilities (frames, vocab) for the search."""

import torch
from torch import Tensor


def gaussian_log_probs(num_frames: int, vocab: int, seed: int, scale: float = 2.0) -> Tensor:
    """In float64."""
    generator = torch.Generator().manual_seed(seed)
    return (scale * torch.randn(num_frames, vocab, dtype=torch.float64, generator=generator)).log_softmax(-1)


def long_log_probs(num_frames: int, seed: int, vocab: int = 4) -> Tensor:
    """In float32, as a model gives them."""
    generator = torch.Generator().manual_seed(seed)
    return (2 * torch.randn(num_frames, vocab, generator=generator)).log_softmax(-1)
