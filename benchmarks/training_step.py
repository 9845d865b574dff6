"""What benchmarks/training.py compares: a whole optimiser step, and the classic network of other toolkits."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from asr.audio import SAMPLE_RATE
from asr.batching import batches_by_length
from asr.corpus.collate import Batch
from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from asr.training.ema import WeightAverage
from asr.training.loss import LossSettings, training_losses
from asr.training.settings import ExperimentSettings

VOCAB_SIZE = 29  # characters
TOKENS_PER_SECOND = 15  # of read English
NUM_UTTERANCES = 2000
MEAN_SECONDS, DEVIATION, SHORTEST, LONGEST = 12.0, 4.0, 1.5, 17.0  # about those of LibriSpeech

Step = Callable[[Batch], Tensor]


class ClassicModel(AcousticModel):
    """The same network but for its LSTM: one multi-layer bidirectional `nn.LSTM` on a packed sequence.

    So do deepspeech.pytorch and SpeechBrain. It has no norms between the layers, and no middle layer can be seen, so
    it is trained without the intermediate loss: less work than ours.
    """

    def __init__(self, settings: ModelSettings, *, vocab_size: int, sample_rate: int) -> None:
        super().__init__(settings, vocab_size=vocab_size, sample_rate=sample_rate)
        width, cells = 2 * settings.hidden_size, settings.hidden_size
        self.layers = nn.LSTM(  # type: ignore[assignment]  # in the place of the list of layers
            width, cells, settings.num_layers, batch_first=True, bidirectional=True, dropout=settings.dropout
        )

    def run_layers(self, encoded: Tensor, num_frames: Tensor) -> list[Tensor]:
        packed = pack_padded_sequence(encoded, num_frames.cpu(), batch_first=True, enforce_sorted=False)
        outputs, _ = pad_packed_sequence(self.layers(packed)[0], batch_first=True, total_length=encoded.shape[1])
        return [outputs]


def build_model(kind: type[AcousticModel], settings: ModelSettings, device: torch.device) -> AcousticModel:
    torch.manual_seed(1)
    return kind(settings, vocab_size=VOCAB_SIZE, sample_rate=SAMPLE_RATE).to(device).train()


def make_step(model: AcousticModel, settings: ExperimentSettings) -> Step:
    """A whole step on a batch, from features to the average of the weights; returns its loss per token."""
    loop, device = settings.training, model.device
    loss_settings = LossSettings.on(device, loop, settings.augment)
    if isinstance(model, ClassicModel):
        loss_settings = replace(loss_settings, intermediate_share=0.0)
    # One fused kernel, which takes part in the scaling of the loss without waiting for the GPU; slower on a CPU.
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), fused=device.type == "cuda")
    scaler = torch.GradScaler(device.type, enabled=loss_settings.dtype == torch.float16)
    average = WeightAverage(model, loop.ema_decay)

    def step(batch: Batch) -> Tensor:
        batch = batch.to(device)
        losses = training_losses(model, batch, loss_settings, torch.Generator().manual_seed(1))
        loss = losses.sum() / len(batch.targets)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), loop.max_grad_norm)
        scaler.step(optimizer)
        scaler.update()
        average.update(model, 1)
        return loss.detach()

    return step


def make_batches(max_seconds: float, count: int) -> list[Batch]:
    """Noise, and tokens by chance, as long as utterances of LibriSpeech and grouped as in a training."""
    rng = np.random.default_rng(1)
    durations = rng.normal(MEAN_SECONDS, DEVIATION, 2 * NUM_UTTERANCES)
    durations = durations[(durations >= SHORTEST) & (durations <= LONGEST)][:NUM_UTTERANCES]
    plan = batches_by_length(durations, max_seconds, rng=np.random.default_rng((1, 0)))
    return [make_batch([float(durations[index]) for index in batch]) for batch in plan[:count]]


def make_batch(durations: list[float]) -> Batch:
    """Noise of these durations in seconds, zero where it is padding; pinned where there is a GPU."""
    generator = torch.Generator().manual_seed(1)
    num_samples = torch.tensor([round(duration * SAMPLE_RATE) for duration in durations])
    num_tokens = torch.tensor([round(duration * TOKENS_PER_SECOND) for duration in durations])
    waveforms = 0.1 * torch.randn(len(durations), int(num_samples.max()), generator=generator)
    batch = Batch(
        waveforms=waveforms * (torch.arange(waveforms.shape[1]) < num_samples[:, None]),
        num_samples=num_samples,
        targets=torch.randint(1, VOCAB_SIZE, (int(num_tokens.sum()),), generator=generator),
        num_tokens=num_tokens,
        ids=tuple(str(number) for number in range(len(durations))),
    )
    return batch.pin_memory() if torch.cuda.is_available() else batch
