"""Trains a tagger on running text, so that it can be stopped at any time and goes on exactly where it was."""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from asr.errors import TrainingError
from asr.files import append_text, atomic_path
from asr.optim import LearningRateSchedule, adamw, set_learning_rate
from asr.settings import Settings
from asr.text.restore import restored_text
from asr.text.tagger import Tagger, TaggerSettings
from asr.text.tagger_file import tagger_from_file, tagger_to_bytes
from asr.text.tags import LOWER, MARKS, MIXED, SENTENCE_ENDS, case_of
from asr.training.ema import WeightAverage
from recipes.english.mark_scores import mean_f1, score_marks, to_percent
from recipes.english.tagged_text import without_marks
from recipes.english.tagger_network import Letters, NetworkSettings, TaggerNetwork
from recipes.stages import say

TAGGER = "tagger.safetensors"
_CHECKPOINT, _DEV = "checkpoint.pt", "dev.jsonl"
_IGNORED = -100  # of cross_entropy
_MIN_MIXED = 3  # how often a form such as McDonald has to occur to be known


class TrainingSettings(Settings):
    """How the tagger is trained."""

    seed: int = Field(1, ge=0)
    """Of the weights, of the batches and of dropout."""
    window: int = Field(96, gt=1, le=4096)
    """Words in a row."""
    batch_windows: int = Field(64, gt=0, le=4096)
    """Windows of a step, from anywhere in the text."""
    steps: int = Field(9000, gt=0)
    """In all; the learning rate falls to zero over them."""
    learning_rate: float = Field(4e-3, gt=0, lt=1)
    """The highest."""
    warmup_steps: int = Field(200, ge=0)
    """In which the learning rate rises."""
    weight_decay: float = Field(1e-4, ge=0, lt=1)
    """Of AdamW."""
    clip: float = Field(1.0, gt=0)
    """The largest norm of a gradient."""
    unseen_share: float = Field(0.05, ge=0, lt=1)
    """Of words that are shown by their letters alone, as if they were unknown."""
    ema_decay: float = Field(0.995, ge=0, lt=1)
    """Of the average of weights that is kept."""
    dev_steps: int = Field(300, gt=0)
    """Steps between evaluations."""
    dev_words: int = Field(20_000, gt=0)
    """Of each dev text; dev decides which weights are kept."""
    patience: int = Field(8, gt=0)
    """Evaluations without a better result after which training stops."""
    checkpoint_minutes: float = Field(5.0, gt=0)
    """Between checkpoints."""


class PunctuationSettings(Settings):
    """`conf/punctuation.yaml`."""

    network: NetworkSettings = NetworkSettings()
    """Size of the tagger."""
    training: TrainingSettings = TrainingSettings()
    """How it is trained."""
    use: TaggerSettings = TaggerSettings()
    """How it is used."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Running text as numbers. `kinds`: all different words in lower case, the most frequent first; `words`, `marks`
    and `cases` have an entry a word. The case is ignored where a sentence begins: there it says nothing about the word.
    """

    kinds: list[str]
    mixed: dict[str, str]
    words: npt.NDArray[np.int32]
    marks: npt.NDArray[np.int8]
    cases: npt.NDArray[np.int8]


def corpus_of(words: Sequence[str]) -> Corpus:
    """Tagged words (`Mister Bell's clock,`) as numbers."""
    counts = Counter(words)
    bare = {word: word.rstrip("".join(MARKS)) for word in counts}
    frequency: Counter[str] = Counter()
    forms: dict[str, Counter[str]] = {}
    for word, count in counts.items():
        frequency[bare[word].lower()] += count
        if case_of(bare[word]) == MIXED:
            forms.setdefault(bare[word].removesuffix("'s").lower(), Counter())[bare[word].removesuffix("'s")] += count
    kinds = sorted(frequency, key=lambda kind: (-frequency[kind], kind))
    numbers = {kind: number for number, kind in enumerate(kinds)}
    number_of = {word: numbers[text.lower()] for word, text in bare.items()}
    mark_of = {word: MARKS.index(word[len(text) :]) for word, text in bare.items()}
    cases_of = {word: case_of(text) for word, text in bare.items()}
    marks = np.fromiter(map(mark_of.__getitem__, words), np.int8, len(words))
    cases = np.fromiter(map(cases_of.__getitem__, words), np.int8, len(words))
    ends = np.isin(marks, [MARKS.index(mark) for mark in SENTENCE_ENDS])
    begins = np.concatenate([[True], ends[:-1]])
    cases[begins & (cases <= LOWER + 1)] = _IGNORED
    mixed = {word: form for word, found in sorted(forms.items()) for form, n in found.most_common(1) if n >= _MIN_MIXED}
    return Corpus(kinds, mixed, np.fromiter(map(number_of.__getitem__, words), np.int32, len(words)), marks, cases)


class Trainer:
    """A training in a folder: `checkpoint.pt`, `dev.jsonl` (a line an evaluation), `tagger.safetensors` (the best)."""

    def __init__(
        self, settings: PunctuationSettings, text: Sequence[str], dev: Mapping[str, Sequence[str]], run: Path
    ) -> None:
        torch.manual_seed(settings.training.seed)
        self._settings, self._run = settings, run
        self._dev = {name: words[: settings.training.dev_words] for name, words in dev.items()}
        self._corpus = corpus_of(text)
        if len(self._corpus.words) <= settings.training.window:
            raise TrainingError(f"the text has {len(text)} words, fewer than a window ({settings.training.window})")
        self._vocabulary = self._corpus.kinds[: settings.network.vocabulary_size]
        self._letters = Letters(self._corpus.kinds, settings.network.num_buckets)
        self.network = TaggerNetwork(settings.network)
        self._average = WeightAverage(self.network, settings.training.ema_decay)
        self._optimizer = adamw(self.network, weight_decay=settings.training.weight_decay)
        self._step, self._best, self._best_step = 0, -1.0, 0

    def train(self, *, minutes: float | None = None) -> None:
        """Train to the end, or for some minutes; goes on from the checkpoint in the folder, if there is one.

        Raises:
            TrainingError: the checkpoint is of other settings, or a loss is not finite.
            OutputError: a file cannot be written.
        """
        self._resume()
        training = self._settings.training
        schedule = LearningRateSchedule(training.learning_rate, training.warmup_steps, max_epochs=1)
        start = saved = time.monotonic()
        losses: list[float] = []
        while self._step < training.steps and not self._is_done():
            set_learning_rate(self._optimizer, schedule.rate(self._step, self._step / training.steps))
            losses.append(self._train_step())
            if self._step % training.dev_steps == 0 or self._step == training.steps:
                self._evaluate(float(np.mean(losses)))
                losses = []
            now = time.monotonic()
            if now - saved > 60 * training.checkpoint_minutes:
                self._save()
                saved = now
            if minutes is not None and now - start > 60 * minutes:
                break
        self._save()

    def _train_step(self) -> float:
        training = self._settings.training
        rng = np.random.default_rng((training.seed, self._step))
        torch.manual_seed(int(rng.integers(2**63)))  # of dropout
        starts = rng.integers(0, len(self._corpus.words) - training.window, training.batch_windows)
        places = starts[:, None] + np.arange(training.window)
        self.network.train()
        scores = self.network(*self._inputs(self._corpus.words[places], rng))
        loss = _loss(scores, self._corpus.marks[places], self._corpus.cases[places])
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), training.clip)
        if not np.isfinite(loss.item()):
            raise TrainingError(f"step {self._step + 1}: the loss is {loss.item()}; lower training.learning_rate")
        self._optimizer.step()
        self._step += 1
        self._average.update(self.network, self._step)
        return loss.item()

    def _inputs(self, words: npt.NDArray[np.int32], rng: np.random.Generator) -> tuple[Tensor, ...]:
        kinds, numbers = np.unique(words, return_inverse=True)
        unknown = self._settings.network.vocabulary_size
        unseen = rng.random(len(kinds)) < self._settings.training.unseen_share
        places = np.where(unseen, unknown, np.minimum(kinds, unknown)).astype(np.int64)
        return (
            torch.from_numpy(places),
            *self._letters.bags(kinds.astype(np.int64)),
            torch.from_numpy(numbers.reshape(words.shape)),
        )

    def _evaluate(self, loss: float) -> None:
        """Score the averaged weights as they will be used, in int8, and keep the best."""
        network = self._average.model
        tagger = network.tagger(self._vocabulary, self._corpus.mixed, self._settings.use)
        with atomic_path(self._run / f"latest_{TAGGER}") as temporary:
            temporary.write_bytes(tagger_to_bytes(tagger))
        tagger = tagger_from_file(self._run / f"latest_{TAGGER}")
        scores = {name: score_marks(words, restored_words(words, tagger)) for name, words in self._dev.items()}
        mean = float(np.mean([mean_f1(score) for score in scores.values()]))
        record: dict[str, Any] = {"step": self._step, "loss": loss, "mean_f1": mean}
        record |= {name: to_percent(score) for name, score in scores.items()}
        append_text(self._run / _DEV, json.dumps(record) + "\n")
        say("train", json.dumps(record))
        if mean > self._best:
            self._best, self._best_step = mean, self._step
            (self._run / f"latest_{TAGGER}").replace(self._run / TAGGER)

    def _is_done(self) -> bool:
        training = self._settings.training
        return self._step - self._best_step >= training.patience * training.dev_steps

    def _save(self) -> None:
        state = {
            "settings": self._settings.model_dump(mode="json"),
            "step": self._step,
            "best": self._best,
            "best_step": self._best_step,
            "network": self.network.state_dict(),
            "average": self._average.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        with atomic_path(self._run / _CHECKPOINT) as temporary:
            torch.save(state, temporary)

    def _resume(self) -> None:
        path = self._run / _CHECKPOINT
        if not path.exists():
            return
        state: dict[str, Any] = torch.load(path, weights_only=True)
        if state["settings"] != self._settings.model_dump(mode="json"):
            raise TrainingError(f"{path}: of a training with other settings; give another folder, or remove it")
        self.network.load_state_dict(state["network"])
        self._average.model.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._step, self._best, self._best_step = state["step"], state["best"], state["best_step"]
        say("train", f"goes on after step {self._step}")


def restored_words(reference: Sequence[str], tagger: Tagger) -> list[str]:
    """What the tagger makes of a text without its marks and capitals."""
    return restored_text(without_marks(reference), tagger)


def _loss(scores: Tensor, marks: npt.NDArray[np.int8], cases: npt.NDArray[np.int8]) -> Tensor:
    def part(of: Tensor, wanted: npt.NDArray[np.int8]) -> Tensor:
        return cross_entropy(of.flatten(0, 1), torch.from_numpy(wanted.astype(np.int64)).flatten())

    return part(scores[..., : len(MARKS)], marks) + part(scores[..., len(MARKS) :], cases)
