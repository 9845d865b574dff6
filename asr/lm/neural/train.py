"""Training of the neural language model (RNN-LM): texts -> the weights that are best on dev."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import nn

from asr.batching import batches_by_length
from asr.errors import LanguageModelError
from asr.lm.neural.model import NeuralLM, NeuralLMSettings, TextEncoder, word_perplexity
from asr.optim import LearningRateSchedule, adamw, set_learning_rate
from asr.settings import Settings

_MAX_UNITS = 20_000  # of one training text, since a step keeps all its states in memory
_JITTER = 0.1  # of the lengths of texts, as many are equally long
_DIVERGED = "the training has diverged; lower learning_rate"


class NeuralTrainingSettings(Settings):
    """The network and its training."""

    network: NeuralLMSettings = NeuralLMSettings()
    """Size of the network."""
    max_epochs: int = Field(30, ge=1, le=1_000_000)
    """Passes over the text, at most; the learning rate reaches zero at the end of the last."""
    batch_units: int = Field(1024, ge=1, le=10**9)
    """Tokens in a batch, padding included."""
    learning_rate: float = Field(3e-3, gt=0, le=1)
    """The peak: the schedule rises for `warmup_steps`, then falls along a cosine to zero at `max_epochs`."""
    warmup_steps: int = Field(100, ge=0, le=10**9)
    """Steps in which the learning rate rises from zero."""
    weight_decay: float = Field(0.01, ge=0, le=1)
    """Weight decay of AdamW: the share, times the learning rate, that matrices lose at each step."""
    max_grad_norm: float = Field(1.0, gt=0, le=1e9)
    """Gradient clipping: a gradient with a larger norm is scaled down to it."""
    patience: int = Field(4, ge=1, le=1_000_000)
    """Early stopping: the training ends after this many epochs without a better perplexity on dev."""
    seed: int = Field(1, ge=0, lt=2**31)
    """Seed of all random choices."""


@dataclass(frozen=True, slots=True)
class EpochReport:
    """`train_loss`: natural-log loss per token, with dropout. `dev_perplexity`: per word and end of text."""

    epoch: int
    train_loss: float
    dev_perplexity: float
    is_best: bool
    seconds: float


def train_neural_lm(
    train_texts: Sequence[str],
    dev_texts: Sequence[str],
    encoder: TextEncoder,
    settings: NeuralTrainingSettings,
    *,
    device: str | torch.device = "cpu",
    on_epoch: Callable[[EpochReport, NeuralLM], None] | None = None,
) -> NeuralLM:
    """The model with the lowest perplexity on dev. Texts without words are left out.

    Two trainings with one seed are equal on a CPU. `on_epoch` is called with the model after each epoch.

    Raises:
        LanguageModelError: there is no text, one is too long, or the training diverges.
        TokensError: a text has a character outside the encoder's alphabet.
    """
    train_rows = _encode(train_texts, encoder, "training text")
    _encode(dev_texts, encoder, "dev text")
    dev_texts = [text for text in dev_texts if text.split()]
    torch.manual_seed(settings.seed)
    trainer = _Trainer(NeuralLM(settings.network, encoder).to(device), settings)
    best_epoch, best_log_prob, best_weights = 0, -math.inf, trainer.weights()
    for epoch in range(1, settings.max_epochs + 1):
        started = time.perf_counter()
        loss = trainer.train_epoch(train_rows, epoch)
        scores = trainer.lm.score(dev_texts)
        log_prob = math.fsum(scores)
        if not math.isfinite(log_prob):
            raise LanguageModelError(_DIVERGED)
        is_best = log_prob > best_log_prob
        if is_best:
            best_epoch, best_log_prob, best_weights = epoch, log_prob, trainer.weights()
        if on_epoch is not None:
            seconds = time.perf_counter() - started
            on_epoch(EpochReport(epoch, loss, word_perplexity(scores, dev_texts), is_best, seconds), trainer.lm)
        if epoch - best_epoch >= settings.patience:
            break
    trainer.lm.load_state_dict(best_weights)
    return trainer.lm.eval()


class _Trainer:
    """A model, its optimiser, and how many steps were done."""

    def __init__(self, lm: NeuralLM, settings: NeuralTrainingSettings) -> None:
        self.lm = lm
        self.settings = settings
        self.optimizer = adamw(lm, weight_decay=settings.weight_decay)
        self.schedule = LearningRateSchedule(settings.learning_rate, settings.warmup_steps, settings.max_epochs)
        self.step = 0

    def weights(self) -> dict[str, torch.Tensor]:
        return {name: value.detach().clone() for name, value in self.lm.state_dict().items()}

    def train_epoch(self, rows: Sequence[Sequence[int]], epoch: int) -> float:
        """One pass over all texts; natural-log loss per token."""
        rng = np.random.default_rng((self.settings.seed, epoch))
        lengths = [len(row) for row in rows]
        batches = batches_by_length(lengths, self.settings.batch_units, rng=rng, jitter=_JITTER, end=1)
        self.lm.train()
        total = sum(
            self._train_step([rows[i] for i in batch], epochs=epoch - 1 + number / len(batches))
            for number, batch in enumerate(batches)
        )
        return total / sum(len(row) + 1 for row in rows)

    def _train_step(self, rows: Sequence[Sequence[int]], *, epochs: float) -> float:
        """One optimiser step after `epochs` epochs, with fractions; natural-log loss, summed over the tokens."""
        set_learning_rate(self.optimizer, self.schedule.rate(self.step, epochs))
        loss = -self.lm.log_prob(rows).sum()
        self.optimizer.zero_grad(set_to_none=True)
        (loss / sum(len(row) + 1 for row in rows)).backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.lm.parameters(), self.settings.max_grad_norm)
        if not torch.isfinite(norm):
            raise LanguageModelError(_DIVERGED)
        self.optimizer.step()
        self.step += 1
        return float(loss.detach())


def _encode(texts: Sequence[str], encoder: TextEncoder, what: str) -> list[list[int]]:
    rows = [encoder.encode(text, where=f"{what} {number}") for number, text in enumerate(texts, start=1)]
    for number, row in enumerate(rows, start=1):
        if len(row) > _MAX_UNITS:
            raise LanguageModelError(
                f"{what} {number}: has {len(row)} tokens, at most {_MAX_UNITS} can be learnt at once; "
                "write one sentence a line"
            )
    rows = [row for row in rows if row]
    if not rows:
        raise LanguageModelError(f"there is no {what}; expected one sentence a line")
    return rows
