"""The training loop: batches in, better weights out."""

import hashlib
import math
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from asr.corpus.batches import Batch, TrainingBatches
from asr.corpus.manifest import Utterance
from asr.errors import Interrupted, OutputError, TrainingError
from asr.evaluation import Evaluation, evaluate
from asr.recognizer import Recognizer
from asr.scoring import UtteranceScore
from asr.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from asr.training.ema import WeightAverage
from asr.training.log import RunLog
from asr.training.loss import training_losses, why_not_finite
from asr.training.settings import ExperimentSettings, changed_settings

NUM_EXAMPLES = 20  # utterances of dev whose hypotheses are kept for each better epoch


class Trainer:
    """Trains the model of `recognizer` and leaves the averaged weights that are best on dev in `folder/model`.

    The state after each epoch is in `folder/checkpoint.pt`. With one seed on a CPU two trainings are equal, and an
    interrupted one that is resumed is equal to an unbroken one: every random choice is drawn from (seed, step).
    """

    def __init__(
        self,
        settings: ExperimentSettings,
        recognizer: Recognizer,
        batches: TrainingBatches,
        dev: Sequence[Utterance],
        folder: Path,
    ) -> None:
        self.settings = settings
        self.loop = settings.training
        self.recognizer = recognizer
        self.model = recognizer.model
        self.device = recognizer.device
        self.batches = batches
        self.dev = dev
        self.folder = folder
        self.progress = Progress()
        self.average = WeightAverage(self.model, self.loop.ema_decay)
        self.averaged = Recognizer(self.average.model, recognizer.tokens, settings.search)
        self.optimizer = torch.optim.AdamW(_parameter_groups(self.model, self.loop.weight_decay), betas=(0.9, 0.98))
        self.log = RunLog(folder, tensorboard=self.loop.tensorboard)
        self._stop = False
        self._since = time.perf_counter()

    def resume(self) -> None:
        """Go on from `folder/checkpoint.pt`.

        Raises:
            TrainingError: there is no checkpoint, or it is damaged, or it was made with other settings or tokens.
        """
        path = self.folder / "checkpoint.pt"
        state = load_checkpoint(path)
        if changed := changed_settings(state.get("settings", {}), self.settings):
            raise TrainingError(f"{path}: was made with other settings: {changed}; set these back, or start a new run")
        if state.get("tokens_sha256") != self._tokens_sha256():
            raise TrainingError(
                f"{path}: the training texts have changed since, and with them the tokens; start a new run"
            )
        try:
            self.model.load_state_dict(state["model"])
            self.average.model.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.progress = Progress(**state["progress"])
        except (KeyError, RuntimeError, ValueError, TypeError):
            raise TrainingError(f"{path}: the checkpoint is damaged, or of another version of asr") from None
        self.log.keep_until(self.progress.epoch - 1)
        self.log.say(f"resumed at epoch {self.progress.epoch}, step {self.progress.step}")

    def fit(self) -> None:
        """Train until `max_epochs`, or until dev has not improved for `patience` epochs.

        Raises:
            Interrupted: Ctrl-C was pressed; the state is saved.
            OutputError: the model could never be written.
        """
        with self._interruptible():
            while self.progress.epoch <= self.loop.max_epochs and not self._is_out_of_patience():
                record = self._train_epoch()
                evaluation = self._validate(record)
                self._keep_best(evaluation)
                self.progress.epoch += 1
                self.progress.batch = 0
                self._stop_if_asked()
                self._save_checkpoint()
        if self._is_out_of_patience():
            self.log.say(f"stopped: dev has not improved for {self.loop.patience} epochs")
        if not (self.folder / "model").is_dir():
            raise OutputError(f"{self.folder / 'model'}: the model could not be written; see the warnings above")

    def _is_out_of_patience(self) -> bool:
        return self.progress.epoch - 1 - self.progress.best_epoch >= self.loop.patience

    def _train_epoch(self) -> dict[str, Any]:
        self.model.train()
        progress, epoch = self.progress, self.progress.epoch
        num_batches = len(self.batches.plan(epoch))
        total_loss, total_norm = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        started, waited, audio_seconds = time.perf_counter(), 0.0, 0.0
        first = progress.batch
        with self.log.bar() as bar:
            task = bar.add_task(f"epoch {epoch}/{self.loop.max_epochs}", total=num_batches, completed=first, note="")
            source = self.batches.epoch(epoch, first_batch=first)
            while progress.batch < num_batches:
                asked = time.perf_counter()
                batch = next(source)
                waited += time.perf_counter() - asked
                loss, norm = self._step(batch.to(self.device), num_batches)
                total_loss += loss
                total_norm += norm
                audio_seconds += float(batch.num_samples.sum()) / self.model.sample_rate
                bar.update(task, advance=1, note=f"{audio_seconds / (time.perf_counter() - started):.0f} x real time")
                self._stop_if_asked()
        done = max(1, num_batches - first)
        elapsed = time.perf_counter() - started
        return {
            "epoch": epoch,
            "step": progress.step,
            "learning_rate": self._learning_rate(num_batches),
            "train_loss": float(total_loss) / done,
            "gradient_norm": float(total_norm) / done,
            "audio_seconds_per_second": audio_seconds / elapsed,
            "share_waiting_for_data": waited / elapsed,
        }

    def _step(self, batch: Batch, num_batches: int) -> tuple[Tensor, Tensor]:
        """One optimiser step: its loss per token and the norm of its gradient before clipping."""
        seed = (self.loop.seed << 32) + self.progress.step
        torch.manual_seed(seed)  # dropout
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate(num_batches)
        losses = training_losses(self.model, batch, self.settings, torch.Generator().manual_seed(seed))
        loss = losses.sum() / max(1, len(batch.targets))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.loop.max_grad_norm)
        if not torch.isfinite(norm):
            raise TrainingError(f"step {self.progress.step}: {why_not_finite(losses, batch)}")
        self.optimizer.step()
        self.progress.step += 1
        self.progress.batch += 1
        self.average.update(self.model, self.progress.step)
        return loss.detach(), norm.detach()

    def _learning_rate(self, num_batches: int) -> float:
        """Linear warm-up, then half a cosine down to zero at the end of the last epoch (Loshchilov & Hutter 2017)."""
        done = (self.progress.epoch - 1 + self.progress.batch / num_batches) / self.loop.max_epochs
        warmup = min(1.0, (self.progress.step + 1) / max(1, self.loop.warmup_steps))
        return self.loop.learning_rate * warmup * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def _validate(self, record: dict[str, Any]) -> Evaluation:
        evaluation = evaluate(self.averaged, self.dev)
        score = evaluation.score
        self._count_time()
        record |= {"dev_loss": evaluation.loss, "dev_wer": score.wer, "dev_cer": score.cer}
        record |= {"dev_wer_low": score.wer_low, "dev_wer_high": score.wer_high, "blank_ratio": evaluation.blank_ratio}
        record["training_seconds"] = self.progress.seconds
        self.log.epoch(record)
        self.log.say(
            f"epoch {record['epoch']:3d}  loss {record['train_loss']:.3f}  dev loss {evaluation.loss:.3f}  "
            f"dev WER {100 * score.wer:.2f} %  CER {100 * score.cer:.2f} %  "
            f"{record['audio_seconds_per_second']:.0f} x real time  {self.progress.seconds / 60:.1f} min"
        )
        return evaluation

    def _keep_best(self, evaluation: Evaluation) -> None:
        """The best epoch has the lowest WER on dev, and among equals the lowest loss.

        Where the disk is full, the best model before is kept, and the next epoch that is better than it tries again.
        """
        progress, result = self.progress, (evaluation.score.wer, evaluation.loss)
        if result >= (progress.best_wer, progress.best_loss) and progress.best_epoch:
            return
        try:
            self.averaged.save(self.folder / "model", card=self._card(evaluation))
        except OutputError as error:
            self.log.warn(f"{error}; training goes on, free some space")
            return
        progress.best_wer, progress.best_loss = result
        progress.best_epoch = progress.epoch
        self.log.examples(progress.epoch, _evenly_spaced(evaluation.score.utterances, NUM_EXAMPLES))

    def _card(self, evaluation: Evaluation) -> str:
        score, data = evaluation.score, self.settings.data
        return (
            "# Speech recognition model\n\n"
            f"Trained with `asr` on `{data.train}`, epoch {self.progress.epoch}, seed {self.loop.seed}.\n\n"
            f"Word error rate on `{data.dev}` (used to choose this epoch): {100 * score.wer:.2f} % "
            f"[{100 * score.wer_low:.2f}, {100 * score.wer_high:.2f}] of {score.num_words} words.\n"
        )

    def _stop_if_asked(self) -> None:
        if not self._stop:
            return
        try:
            save_checkpoint(self.folder / "checkpoint.pt", self._state())
        except OutputError as error:
            raise Interrupted(
                f"interrupted, and the state could not be saved: {error}; "
                "--resume goes on from the checkpoint before it, if there is one"
            ) from None
        raise Interrupted(f"interrupted; the state is saved in {self.folder}: go on with the same command and --resume")

    def _save_checkpoint(self) -> None:
        """A full disk must not end a training of days: warn, keep the checkpoint before, go on."""
        try:
            save_checkpoint(self.folder / "checkpoint.pt", self._state())
        except OutputError as error:
            self.log.warn(f"{error}; training goes on, free some space")

    def _state(self) -> dict[str, Any]:
        self._count_time()
        return {
            "model": self.model.state_dict(),
            "average": self.average.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": asdict(self.progress),
            "settings": self.settings.model_dump(mode="json"),
            "tokens_sha256": self._tokens_sha256(),
        }

    def _tokens_sha256(self) -> str:
        return hashlib.sha256(self.recognizer.tokens.model).hexdigest()

    def _count_time(self) -> None:
        """Add the time since the last call to that of the run, which an interruption does not end."""
        now = time.perf_counter()
        self.progress.seconds += now - self._since
        self._since = now

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Ctrl-C ends the run after the current step; a second one ends it at once."""

        def ask(number: int, frame: FrameType | None) -> None:
            self._stop = True
            signal.signal(signal.SIGINT, signal.default_int_handler)

        before = signal.signal(signal.SIGINT, ask)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def _evenly_spaced(utterances: Sequence[UtteranceScore], count: int) -> list[UtteranceScore]:
    """`count` of them, or all if there are fewer: no random choice, so the same ones after each epoch."""
    count = min(count, len(utterances))
    return [utterances[number * len(utterances) // count] for number in range(count)]


def _parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices only, not for biases and norms."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
