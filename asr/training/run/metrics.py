"""What is written down of an epoch."""

from collections.abc import Sequence
from typing import Any

from asr.evaluation import Evaluation
from asr.model import AcousticModel
from asr.scoring import UtteranceScore
from asr.training.diagnosis.monitor import gradient_norms, layer_norms
from asr.training.distributed import World
from asr.training.run.checkpoint import Progress
from asr.training.run.environment import peak_memory_mb


def training_record(progress: Progress, model: AcousticModel, world: World) -> dict[str, Any]:
    """What the steps of the epoch gave, over all processes; means over the steps that were not left out.

    `layers`: norms of weights and, in the last step, gradients. Memory in MB: of the process that took most.
    """
    sums = progress.sums
    memory = peak_memory_mb(model.device)
    waited, memories = zip(*world.gather((sums.waited, memory)), strict=True)
    gradients = gradient_norms(model) or sums.layer_gradients  # an epoch may have been resumed after its last step
    num_steps, seconds = max(1, sums.num_steps), max(1e-9, sums.seconds)
    return {
        "epoch": progress.epoch,
        "step": progress.step,
        "train_loss": sums.loss / num_steps,
        "gradient_norm": sums.gradient_norm / num_steps,
        "share_clipped": sums.num_clipped / num_steps,
        "num_skipped": sums.num_skipped,
        "audio_seconds_per_second": sums.audio_seconds / seconds,
        "share_waiting_for_data": sum(waited) / len(waited) / seconds,
        "padding_waste": 1 - sums.audio_seconds / max(1e-9, sums.padded_seconds),
        "peak_memory_mb": max(memories),
        "training_seconds": progress.seconds,
        "layers": {
            name: {"weights": norms.weights, "gradients": gradients[name]}
            for name, norms in layer_norms(model).items()
            if name in gradients
        },
    }


def dev_record(evaluation: Evaluation) -> dict[str, float]:
    """How well dev is recognised."""
    score = evaluation.score
    return {
        "dev_loss": evaluation.loss,
        "dev_wer": score.wer,
        "dev_cer": score.cer,
        "dev_wer_low": score.wer_low,
        "dev_wer_high": score.wer_high,
        "blank_ratio": evaluation.blank_ratio,
    }


def epoch_line(record: dict[str, Any]) -> str:
    """An epoch for a person to read."""
    return (
        f"epoch {record['epoch']:3d}  loss {record['train_loss']:.3f}  dev loss {record['dev_loss']:.3f}  "
        f"dev WER {100 * record['dev_wer']:.2f} %  CER {100 * record['dev_cer']:.2f} %  "
        f"{record['audio_seconds_per_second']:.0f} x real time  {record['training_seconds'] / 60:.1f} min"
    )


def evenly_spaced(utterances: Sequence[UtteranceScore], count: int) -> list[UtteranceScore]:
    """`count` of them, or all if there are fewer: no random choice, so the same ones after each epoch."""
    count = min(count, len(utterances))
    return [utterances[number * len(utterances) // count] for number in range(count)]
