"""The training loop: epochs, validation, early stopping (`patience`), and the best model kept."""

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from asr.corpus.collate import Batch
from asr.errors import AsrError, Interrupted, OutputError, TrainingError
from asr.evaluation import Evaluation, recognise, summarise
from asr.optim import LearningRateSchedule
from asr.recognizer import Recognizer
from asr.torch_engine import TorchEngine
from asr.training.data import TrainingData
from asr.training.diagnosis.layer_norms import gradient_norms, layer_norms
from asr.training.diagnosis.monitor import Monitor
from asr.training.distributed import World
from asr.training.run.best import keep_best
from asr.training.run.checkpoint import EpochSums, Progress
from asr.training.run.fingerprint import what_has_changed
from asr.training.run.folder import RunFolder
from asr.training.run.log import RunLog
from asr.training.run.metrics import evenly_spaced, measure_epoch
from asr.training.saving import CheckpointSaver
from asr.training.settings import LoopSettings
from asr.training.step import Stepper, StepReport

MAX_OVERFLOWS = 30  # in a row, of float16 gradients: by then the loss scale has fallen from 2**16 to 2**-14
NUM_EXAMPLES = 20  # dev utterances whose hypotheses are kept for each epoch that is a new best


class _TooManySkipped(TrainingError):
    """All processes of a training find this in the same step."""


class Trainer:
    """Trains the model of `recognizer`; the averaged weights that are best on dev are `model/` of the run folder.

    States are saved in `checkpoints/`. With one seed on a CPU two trainings are equal, and one that was stopped
    or killed at any step and resumed is equal to an unbroken one: every random choice is drawn from (seed, step).
    """

    def __init__(
        self,
        loop: LoopSettings,
        recognizer: Recognizer,
        stepper: Stepper,
        data: TrainingData,
        *,
        run: RunFolder,
        world: World,
    ) -> None:
        self.loop = loop
        self.recognizer = recognizer
        self.stepper = stepper
        averaged = TorchEngine(stepper.average.model, feature_dtype=torch.float32)
        self.averaged = Recognizer(replace(recognizer.parts, engine=averaged))
        self.batches = data.batches
        self.dev = data.dev
        self.run = run
        self.world = world
        self.progress = Progress()
        self.schedule = LearningRateSchedule(loop.learning_rate, loop.warmup_steps, loop.max_epochs)
        self.monitor = Monitor(layer_norms(recognizer.model))
        self.log = RunLog(run.path, tensorboard=loop.tensorboard, silent=not world.is_first)
        self.saver = CheckpointSaver(run, loop, world, self.log, state=self._state)
        self._unread: StepReport | None = None
        self._num_overflows = 0
        self._since = time.perf_counter()

    def resume(self) -> None:
        """Go on from the newest undamaged checkpoint.

        Raises:
            TrainingError: there is none, or it was made with other settings or tokens.
        """
        found = self.run.checkpoints.load(self.log.warn) if self.world.is_first else (Path(), {})
        path, state = self.world.broadcast(found)
        self.run.refuse_other(path, state)
        try:
            self.stepper.load_state_dict(state)
            self.progress = Progress.from_json(state["progress"])
        except (KeyError, RuntimeError, ValueError, TypeError):
            raise TrainingError(f"{path}: the checkpoint is damaged, or of another version of asr") from None
        if said := what_has_changed(state, self.run.fingerprint):
            self.log.warn(f"{path}: {said}")
        for record in self.log.keep_until(self.progress.epoch - 1, self.progress.step):
            self.monitor.check(record)  # its warnings on these were given before
        self.log.say(self.progress.place(self.loop.max_epochs))

    def fit(self) -> None:
        """Train until `max_epochs`, or until dev has not improved for `patience` epochs (early stopping).

        Raises:
            Interrupted: Ctrl-C was pressed; the state is saved.
            OutputError: the model could never be written.
            AsrError: a sound file cannot be used, or too many steps were skipped. The state is saved, except when the
                bad file was met by another process than the first.
        """
        with self.saver:
            while self.progress.epoch <= self.loop.max_epochs and not self._is_out_of_patience():
                try:
                    self._train_epoch()
                    self._keep_best(self._validate())
                except Interrupted:
                    raise
                except AsrError as error:
                    is_saved = self.saver.save()
                    if isinstance(error, _TooManySkipped):
                        self.world.barrier()
                    if not is_saved:
                        raise
                    raise type(error)(f"{error}; the state is saved: mend this, then go on with --resume") from None
                self.progress.epoch += 1
                self.progress.batch = 0
                self.progress.sums = EpochSums()
                self.saver.after_epoch()
        if self._is_out_of_patience():
            self.log.say(f"stopped: dev has not improved for {self.loop.patience} epochs")
        if self.world.is_first and not (self.progress.best_epoch and (self.run.path / "model").is_dir()):
            raise OutputError(f"{self.run.path / 'model'}: the model could not be written; see the warnings above")

    def _is_out_of_patience(self) -> bool:
        return self.progress.epoch - 1 - self.progress.best_epoch >= self.loop.patience

    def _train_epoch(self) -> None:
        self.recognizer.model.train()
        progress, sums = self.progress, self.progress.sums
        num_batches = len(self.batches.plan(progress.epoch))
        with self.log.bar() as bar:
            name = f"epoch {progress.epoch}/{self.loop.max_epochs}"
            task = bar.add_task(name, total=num_batches, completed=progress.batch, note="")
            started = time.perf_counter()
            for batch in self._batches(num_batches):
                self._train_step(batch, num_batches)
                now = time.perf_counter()
                sums.seconds, started = sums.seconds + now - started, now
                bar.update(task, advance=1, note=f"{sums.audio_seconds / sums.seconds:.0f} x real time")
                self.saver.after_step(self.progress.step)
            self._read_report()
            sums.seconds += time.perf_counter() - started

    def _batches(self, num_batches: int) -> Iterator[Batch]:
        """The batches of the epoch that are still to be done, on the model's device; counts the time they take."""
        sums, first = self.progress.sums, self.progress.batch
        source = self.batches.epoch(self.progress.epoch, first_batch=first)
        for _ in range(first, num_batches):
            asked = time.perf_counter()
            batch = next(source)
            sums.waited += time.perf_counter() - asked
            yield batch.to(self.recognizer.model.device)

    def _train_step(self, batch: Batch, num_batches: int) -> None:
        """One optimiser step.

        The report of the previous step is read while the GPU works on this one, so that neither waits.
        """
        save = self.world.is_first and self.saver.is_due
        report = self.stepper.gradients(
            batch,
            self.progress.step,
            tokens_per_batch=max(1, self.batches.num_tokens) / num_batches,
            stop=self.saver.stops,
            save=save,
        )
        self._read_report()
        self.stepper.update(report, self._learning_rate(num_batches))
        self._unread = report
        self.progress.step += 1
        self.progress.batch += 1

    def _read_report(self) -> None:
        """Read the report of the last step, and the requests of the processes: all read them after the same step."""
        if self._unread is None:
            return
        report, self._unread = self._unread, None
        loss, norm, limit, stop, save, num_samples, num_padded = report.numbers.tolist()
        self.saver.take_in(stop=stop > 0, save=save > 0)
        rate = self.recognizer.model.sample_rate
        self.progress.sums.add_sound(num_samples / rate, num_padded / rate)
        is_finite = math.isfinite(loss) and math.isfinite(norm)
        if is_finite:
            self.progress.sums.add_step(loss, norm, limit)
        self.log.step({"step": report.step + 1, "loss": loss, "gradient_norm": norm, "limit": limit})
        if is_finite:
            self._num_overflows = 0
        elif self.stepper.scales_loss and math.isfinite(loss) and self._num_overflows < MAX_OVERFLOWS:
            self._num_overflows += 1
        else:
            self._skip(report)

    def _learning_rate(self, num_batches: int) -> float:
        epochs = self.progress.epoch - 1 + self.progress.batch / num_batches
        return self.schedule.rate(self.progress.step, epochs)

    def _validate(self) -> Evaluation:
        """Evaluate on dev: each process recognises its share; the result is the same on all of them."""
        rank, size = self.world.rank, self.world.size
        shares = self.world.gather(recognise(self.averaged, self.dev[rank::size]))
        evaluation = summarise(self.dev, [shares[index % size][index // size] for index in range(len(self.dev))])
        self._count_time()
        rate, model = self._learning_rate(max(1, self.progress.batch)), self.recognizer.model
        record = measure_epoch(self.progress, model, evaluation, learning_rate=rate, world=self.world)
        self.log.epoch(record)
        for warning in self.monitor.check(record):
            self.log.warn(warning)
        self.log.say(record.line())
        return evaluation

    def _keep_best(self, evaluation: Evaluation) -> None:
        def save(folder: Path) -> bool:
            return self.world.broadcast(self._save_model(folder, evaluation))

        if keep_best(self.run.path, self.progress, evaluation, keep=self.loop.keep_best, save=save):
            self.log.examples(self.progress.epoch, evenly_spaced(evaluation.score.utterances, NUM_EXAMPLES))

    def _save_model(self, folder: Path, evaluation: Evaluation) -> bool:
        if not self.world.is_first:
            return True
        try:
            self.averaged.save(folder, card=self.run.model_card(self.progress.epoch, evaluation))
        except OutputError as error:
            self.log.warn(f"{error}; training goes on, free some space")
            return False
        return True

    def _skip(self, report: StepReport) -> None:
        """The NaN guard: a step whose loss or gradient is not finite changes nothing; too many end the training."""
        progress, rank = self.progress, self.world.rank
        progress.num_skipped += 1
        progress.sums.num_skipped += 1
        settings = self.stepper.loss_settings
        what, kept = self.run.keep_incident(self.recognizer, report, settings, epoch=progress.epoch, rank=rank)
        self.log.warn(f"{what}. The step is left out; {kept}")
        if progress.num_skipped > self.loop.max_skipped:
            raise _TooManySkipped(
                f"{what}. More than training.max_skipped ({self.loop.max_skipped}) such steps; {kept}"
            )

    def _state(self) -> tuple[int, dict[str, Any]]:
        """The contents of a checkpoint, up to the last step whose report was read."""
        self._read_report()
        self._count_time()
        self.progress.sums.layer_gradients |= gradient_norms(self.recognizer.model)
        return self.progress.step, {**self.stepper.state_dict(), "progress": self.progress.to_json()}

    def _count_time(self) -> None:
        """Add the time since the last call to that of the run, which is kept across interruptions."""
        now = time.perf_counter()
        self.progress.seconds += now - self._since
        self._since = now
