"""One step of training: a batch -> gradients -> new weights.

Nothing here waits for a GPU except CTC, for which PyTorch copies the lengths. The results of a step are a row of
numbers that is read while the next step is computed; the NaN guard, which keeps a gradient that is not finite away from
the weights, works on the device.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.amp.grad_scaler import GradScaler

from asr.corpus.augment import AugmentSettings
from asr.corpus.collate import Batch
from asr.errors import TrainingError
from asr.model import AcousticModel
from asr.optim import adamw, set_learning_rate
from asr.recurrent.bidirectional import truncate_backprop
from asr.recurrent.names import in_current_names
from asr.training.clip import GradientClip
from asr.training.device import AsyncScalars, is_out_of_memory, prepare_device
from asr.training.distributed import World
from asr.training.ema import WeightAverage
from asr.training.loss import LossSettings, training_losses
from asr.training.settings import LoopSettings


@dataclass(frozen=True, slots=True)
class StepReport:
    """The results of a step, the same in all processes. `row`: loss per token, norm of the gradient before clipping,
    limit of that norm, how many processes asked to stop and to save the state, samples of sound, and these with the
    padding of their batches (exact to 2**24, 17 minutes); `numbers`: the same, on their way to the CPU.
    """

    step: int
    batch: Batch
    row: Float[Tensor, "7"]
    numbers: AsyncScalars


class Stepper:
    """Model, optimiser, gradient clipping and weight average: all that a step changes.

    Raises:
        SettingsError: the model's device cannot compute in the type that `loop.precision` asks for.
    """

    def __init__(self, model: AcousticModel, loop: LoopSettings, augment: AugmentSettings, world: World) -> None:
        self.model = model
        self.average = WeightAverage(model, loop.ema_decay)
        self._seed = loop.seed
        self._world = world
        self._device = model.device
        self.loss_settings = LossSettings.on(self._device, loop, augment)
        prepare_device(self._device, self.loss_settings.dtype)
        truncate_backprop(model, loop.backprop_frames)
        self._losses = world.parallel(_Losses(model, self.loss_settings))
        # Fused: the only kind that can skip a step on the device; on a CPU the plain kind is as fast.
        self._fused = True if self._device.type == "cuda" else None
        self._optimizer = adamw(model, weight_decay=loop.weight_decay, fused=self._fused)
        # float16 cannot hold small gradients: the loss is scaled up, they are scaled down again (Micikevicius et al.
        # 2018).
        self._scaler = GradScaler(self._device.type, enabled=self.loss_settings.dtype == torch.float16)
        self._clip = GradientClip(loop.max_grad_norm, loop.clip_factor, self._device)

    def gradients(
        self,
        batch: Batch,
        step: int,
        *,
        tokens_per_batch: float | None = None,
        stop: bool = False,
        save: bool = False,
    ) -> StepReport:
        """Forward, backward and clipping: the same for the same weights, batch and step. In float16 an `update` has to
        follow before the next call. `stop`, `save`: the requests of this process to all.

        The loss is that of the batch, of all processes, over `tokens_per_batch`, the mean of all batches: so each token
        of the corpus counts the same. Divided by its own number of tokens, a batch of long pauses and few words
        would count as much as one full of words. Without it, they are those of this batch.

        Raises:
            TrainingError: there is no memory for it; nothing has changed.
        """
        try:
            return self._gradients(batch, step, tokens_per_batch, stop=stop, save=save)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            rows, samples = batch.waveforms.shape
            raise TrainingError(
                f"step {step + 1}: the memory of {self._device} is full, with {rows} sounds of up to "
                f"{samples / self.model.sample_rate:.0f} s in the batch: share it among more GPUs (torchrun), free "
                "some memory, or begin anew with a lower training.batch_seconds"
            ) from None

    def _gradients(
        self, batch: Batch, step: int, tokens_per_batch: float | None, *, stop: bool, save: bool
    ) -> StepReport:
        generator = seed_step(self._seed, step, self._world.rank)
        total = self._losses(batch, generator).sum() * float(not batch.is_dummy)
        num_tokens, num_samples = (0, 0) if batch.is_dummy else (len(batch.targets), int(batch.num_samples.sum()))
        counts = torch.tensor(
            [float(count) for count in (num_tokens, stop, save, num_samples, batch.waveforms.numel())],
            pin_memory=self._device.type == "cuda",
        )
        # Losses and tokens of all processes: what a single process with the whole batch would have.
        sums = self._world.sum(torch.cat([total.detach()[None], counts.to(self._device, non_blocking=True)]))
        all_tokens = sums[1].clamp(min=1)
        self._optimizer.zero_grad(set_to_none=True)
        # DistributedDataParallel averages the processes' gradients.
        loss = total * self._world.size / (all_tokens if tokens_per_batch is None else tokens_per_batch)
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self._optimizer)
        norm, limit = self._clip.apply(list(self.model.parameters()))
        row = torch.cat([torch.stack([sums[0] / all_tokens, norm, limit]), sums[2:]])
        return StepReport(step, batch, row, AsyncScalars(row))

    def update(self, report: StepReport, learning_rate: float) -> None:
        """Take the step; with a loss or a gradient that is not finite, the weights stay as they are."""
        set_learning_rate(self._optimizer, learning_rate)
        is_finite = torch.isfinite(report.row[:2]).all()
        if self._scaler.is_enabled():
            self._scaler.step(self._optimizer)
            self._scaler.update()
        elif self._device.type == "cuda":
            self._optimizer.found_inf = (~is_finite).float()  # type: ignore[attr-defined]
            self._optimizer.step()
        elif is_finite:
            self._optimizer.step()
        self._clip.observe(report.row[1])
        self.average.update(self.model, report.step + 1)

    @property
    def scales_loss(self) -> bool:
        """Whether gradients beyond the range of float16 are to be expected: the next loss is scaled by less."""
        return self._scaler.is_enabled()

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "average": self.average.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "clip": self._clip.state_dict(),
            "scaler": self._scaler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Raises KeyError, RuntimeError, ValueError or TypeError for a state that does not fit."""
        self.model.load_state_dict(in_current_names(state["model"]))
        self.average.model.load_state_dict(in_current_names(state["average"]))
        # As this device needs it, not the one on which the state was saved: it decides where Adam keeps its step count.
        groups = [{**group, "fused": self._fused} for group in state["optimizer"]["param_groups"]]
        self._optimizer.load_state_dict({**state["optimizer"], "param_groups": groups})
        self._clip.load_state_dict(state["clip"])
        self._scaler.load_state_dict(state["scaler"])


class _Losses(nn.Module):
    """The losses as a module, as DistributedDataParallel needs it."""

    def __init__(self, model: AcousticModel, settings: LossSettings) -> None:
        super().__init__()
        self.model = model
        self._settings = settings

    def forward(self, batch: Batch, generator: torch.Generator) -> Float[Tensor, "batch"]:
        return training_losses(self.model, batch, self._settings, generator)


def seed_step(seed: int, step: int, rank: int) -> torch.Generator:
    """Set the seed of dropout for a step, and return the generator of its masks.

    Each process has its own seed of dropout, or all would drop the same cells; that of the first is the seed of a
    training in one process. The masks are those of the whole batch.
    """
    common = (seed << 32) + step
    own = int(np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)[0])
    torch.manual_seed(own if rank else common)
    return torch.Generator().manual_seed(common)
