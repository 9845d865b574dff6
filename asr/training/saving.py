"""When a training saves its state or stops: requests by clock and signal, and whether they were carried out."""

import time
from collections.abc import Callable
from typing import Any

from asr.errors import Interrupted, OutputError
from asr.training.distributed import World
from asr.training.interrupt import StopRequest
from asr.training.run.folder import RunFolder
from asr.training.run.log import RunLog
from asr.training.settings import LoopSettings


class CheckpointSaver:
    """Saves the state of a training, or stops it, on request: in all processes after the same step.

    Within its context, Ctrl-C requests a stop (`StopRequest`). The state is saved every `checkpoint_steps`, when the
    clock of the first process says so, and after each epoch. A single process acts at once; several exchange their
    requests with the numbers of a step (`StepReport`), which they read one step later (`take_in`).

    `state`: returns the number of the last step and the state after it.
    """

    def __init__(
        self,
        run: RunFolder,
        settings: LoopSettings,
        world: World,
        log: RunLog,
        *,
        state: Callable[[], tuple[int, dict[str, Any]]],
    ) -> None:
        self.stop_request = StopRequest()
        self._run = run
        self._every_steps = settings.checkpoint_steps
        self._every_minutes = settings.checkpoint_minutes
        self._world = world
        self._log = log
        self._state = state
        self._to_stop = self._to_save = False  # in all processes, or in none
        self._saved = time.perf_counter()

    def __enter__(self) -> "CheckpointSaver":
        self.stop_request.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop_request.__exit__(*exception)

    @property
    def stops(self) -> bool:
        """Whether this process was asked to stop."""
        return self.stop_request.asked

    @property
    def is_due(self) -> bool:
        """Whether this process's clock says that it is time to save."""
        return (time.perf_counter() - self._saved) / 60 >= self._every_minutes

    def take_in(self, *, stop: bool, save: bool) -> None:
        """The requests of all processes, as exchanged in a step."""
        self._to_stop, self._to_save = self._to_stop or stop, self._to_save or save

    def after_step(self, step: int) -> None:
        """Save or stop after step number `step`, if that was requested.

        Raises:
            Interrupted: a stop was requested; the state is saved, or the message says why not.
        """
        if self._world.size == 1:  # nobody to agree with
            self._to_stop, self._to_save = self.stops, self.is_due
        if self._every_steps and step % self._every_steps == 0:
            self._to_save = True
        self._stop_or_save()

    def after_epoch(self) -> None:
        """Save after an epoch, and stop if that was requested.

        Raises:
            Interrupted: as in `after_step`.
        """
        self._to_stop = any(self._world.gather(self.stops or self._to_stop))
        self._to_save = True
        self._stop_or_save()

    def save(self) -> bool:
        """Save the state; returns whether this process has. A full disk must not end a training of days: it gives a
        warning, and the checkpoint before is kept.
        """
        try:
            self._write()
        except OutputError as error:
            self._log.warn(f"{error}; training goes on, free some space")
            return False
        return self._world.is_first

    def _stop_or_save(self) -> None:
        if self._to_stop:
            self._save_and_stop()
        if self._to_save:
            self.save()

    def _save_and_stop(self) -> None:
        try:
            self._write()
        except OutputError as error:
            raise Interrupted(
                f"interrupted, and the state could not be saved: {error}; "
                "--resume goes on from the checkpoint before it, if there is one"
            ) from None
        finally:
            self._world.barrier()
        raise Interrupted(
            f"interrupted; the state is saved in {self._run.path}: go on with the same command and --resume"
        )

    def _write(self) -> None:
        step, state = self._state()
        self._to_save = False
        self._saved = time.perf_counter()
        self._log.flush()
        if self._world.is_first:
            self._run.save_state(step, state)
