"""`asr train --overfit`: can the model learn one small batch by heart?

If it cannot, there is a mistake in the data, the settings or the code, and no amount of training would mend it (a first
step of many recipes for debugging networks: Karpathy 2019, "overfit one batch").
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from asr.audio import SAMPLE_RATE
from asr.corpus.augment import AugmentSettings, background_noise
from asr.corpus.batches import BatchSettings, TrainingBatches
from asr.corpus.collate import Batch
from asr.corpus.manifest import refuse_long
from asr.corpus.shards import read_index, read_shard
from asr.corpus.waveforms import Example
from asr.errors import TrainingError
from asr.model import AcousticModel
from asr.model_folder import ModelParts
from asr.recognizer import Recognizer
from asr.scoring import Score, UtteranceScore, score
from asr.tokens import Tokens
from asr.torch_engine import TorchEngine
from asr.training.data import alignable, encode, read_set
from asr.training.diagnosis.nonfinite import examine
from asr.training.distributed import World
from asr.training.settings import DataSettings, ExperimentSettings, LoopSettings
from asr.training.start import with_network_of_start
from asr.training.step import Stepper

NUM_UTTERANCES = 8
MIN_TOKENS = 3  # shorter texts prove little; they are used only where there are no others
MAX_STEPS, MAX_SECONDS = 400, 60.0
MAX_LOSS = 0.1  # per token: it is then recognised with a probability of 0.9
LEAST_NOISE_WER = 0.5
_WARMUP_STEPS = 20


@dataclass(frozen=True, slots=True)
class OverfitVerdict:
    """The outcome. `reached`: every word of the batch is right, the loss is small, and noise gives other words.

    `loss`: per token, at the last step; `seconds`: of training; `wer`, `noise_wer`: 0 to 1 or more, on the batch, and
    on noise of the same lengths; `reason`: why the loss is not finite, if it is not.
    """

    reached: bool
    steps: int
    seconds: float
    loss: float
    wer: float
    noise_wer: float
    utterances: tuple[UtteranceScore, ...]
    reason: str

    def text(self) -> str:
        """For people: the numbers, reference and result of each utterance, what it means, and where to look."""
        lines = [
            f"overfit one batch: {'reached' if self.reached else 'not reached'} after {self.steps} steps, "
            f"{self.seconds:.0f} s: loss {self.loss:.3g} per token (at most {MAX_LOSS}), "
            f"WER {100 * self.wer:.1f} % (0), "
            f"WER on noise of the same lengths {100 * self.noise_wer:.0f} % ({100 * LEAST_NOISE_WER:.0f} or more)",
            "",
        ]
        for utterance in self.utterances:
            mark = "!" if utterance.errors else "="
            lines += [
                f"{mark} {utterance.id}",
                f"    said   {utterance.reference}",
                f"    heard  {utterance.hypothesis}",
            ]
        return "\n".join([*lines, "", *((_REACHED,) if self.reached else (_NOT_REACHED, self._where_to_look()))])

    def _where_to_look(self) -> str:
        if self.reason:
            return f"- the loss is not finite: {self.reason}"
        if self.wer == 0 and self.noise_wer < LEAST_NOISE_WER:
            return (
                "- the sounds: noise gives the same texts. The model knows the utterances by their lengths alone:\n"
                "  they all sound the same, or no sound comes through to it."
            )
        return _SUSPECTS


_REACHED = (
    "The model can learn these utterances by heart: sounds are read, gradients flow, what is learnt is recognised.\n"
    "This does not show that the texts belong to the sounds (asr doctor), nor that others will be heard too: watch dev."
)
_NOT_REACHED = "The model cannot learn even these few utterances by heart. A long training would not help. Look at:"
_SUSPECTS = (
    "- the sounds: are they silent, broken, or all the same? asr inspect shows one, asr doctor checks all\n"
    "- the texts above: are they what is said in these sounds, and not longer?\n"
    "- training.learning_rate: too small, nothing moves; too large, the loss jumps about; 0.001 to 0.003 is usual\n"
    "- the model: is it very small (model.hidden_size), or was its code changed since this last worked?\n"
    "- the limits: a large model on a slow machine may need longer than this test takes"
)


def overfit_one_batch(
    settings: ExperimentSettings,
    *,
    skip_missing: bool = False,
    max_steps: int = MAX_STEPS,
    max_seconds: float = MAX_SECONDS,
) -> OverfitVerdict:
    """Train on a few of the shortest utterances of the training set until they are recognised, or the limits reached.

    No augmentation, dropout, weight decay or averaging; model, learning rate, clipping and precision are those of
    `settings`, and the search is greedy. Of a corpus in shards only the first shard is used. Nothing is written.

    Raises:
        AsrError: the manifest, its sounds or its texts cannot be used.
    """
    settings = plain(with_network_of_start(settings))
    read = _first_shard(settings.data) if Path(settings.data.train).is_dir() else _manifest(settings.data, skip_missing)
    torch.manual_seed(settings.training.seed)
    tokens, _ = Tokens.train([example.utterance.text for example in read], settings.tokens)
    model = AcousticModel(settings.model, vocab_size=len(tokens), sample_rate=SAMPLE_RATE).to(World().device())
    encoded = encode([example.utterance for example in read], tokens, settings.data.train)
    with_sounds = [Example(e.utterance, e.tokens, r.sound) for e, r in zip(encoded, read, strict=True)]
    examples, _ = alignable(with_sounds, settings.model, ())
    recognizer = Recognizer(ModelParts(TorchEngine(model), tokens))
    loop, augment = settings.training, settings.augment
    return fit_batch(recognizer, choose(examples), loop, augment, max_steps=max_steps, max_seconds=max_seconds)


def plain(settings: ExperimentSettings) -> ExperimentSettings:
    """The same settings without whatever makes overfitting harder."""
    augment = AugmentSettings(speeds=(), noise_share=0.0, num_band_masks=0, num_time_masks=0)
    loop = {"weight_decay": 0.0, "ema_decay": 0.0}
    return settings.model_copy(
        update={
            "model": settings.model.model_copy(update={"dropout": 0.0}),
            "augment": augment,
            "training": settings.training.model_copy(update=loop),
        }
    )


def choose(examples: Sequence[Example]) -> list[Example]:
    """The shortest utterances with some tokens, all of different texts: equal texts could be learnt without the sound.

    Raises:
        TrainingError: there are no two different texts.
    """
    shortest = sorted(
        (example for example in examples if example.tokens),
        key=lambda example: (len(example.tokens) < MIN_TOKENS, example.utterance.duration, example.utterance.id),
    )
    chosen: dict[tuple[int, ...], Example] = {}
    for example in shortest:
        if len(chosen) < NUM_UTTERANCES:
            chosen.setdefault(example.tokens, example)
    if len(chosen) < 2:
        raise TrainingError("the training set has no two different texts, so there is nothing to tell apart")
    return list(chosen.values())


def fit_batch(
    recognizer: Recognizer,
    examples: Sequence[Example],
    loop: LoopSettings,
    augment: AugmentSettings,
    *,
    max_steps: int,
    max_seconds: float,
) -> OverfitVerdict:
    """Train the recogniser's model on the examples, as one batch, until they are learnt or a limit is reached.

    Raises:
        AudioError: a sound file cannot be used.
    """
    batches = TrainingBatches(examples, BatchSettings(augment, math.inf, loop.seed))
    batch = next(batches.epoch(1))
    texts = {example.utterance.id: example.utterance.text for example in examples}
    trial = _Trial(recognizer, batch, [texts[id] for id in batch.ids])
    stepper, on_device = Stepper(recognizer.model, loop, augment, World()), batch.to(recognizer.model.device)
    started, reason = time.perf_counter(), ""
    for step in range(max_steps):
        recognizer.model.train()
        report = stepper.gradients(on_device, step)
        loss, norm = report.numbers.tolist()[:2]
        if not (math.isfinite(loss) and math.isfinite(norm)) and not stepper.scales_loss:
            reason = examine(
                recognizer.model, on_device, stepper.loss_settings, seed=loop.seed, step=step, rank=0
            ).reason
            break
        stepper.update(report, loop.learning_rate * min(1.0, (step + 1) / _WARMUP_STEPS))
        if (loss <= MAX_LOSS and trial.is_passed()) or time.perf_counter() - started > max_seconds:
            break
    seconds, is_passed, heard = time.perf_counter() - started, loss <= MAX_LOSS and trial.is_passed(), trial.heard()
    return OverfitVerdict(
        is_passed, step + 1, seconds, loss, heard.wer, trial.heard_in_noise().wer, heard.utterances, reason
    )


class _Trial:
    """Whether the model recognises the batch, one waveform at a time as `asr transcribe` does, and does not give the
    same texts for noise of the same lengths: a model that ignores the sound can still recognise utterances by length.
    """

    def __init__(self, recognizer: Recognizer, batch: Batch, texts: list[str]) -> None:
        lengths, rng = batch.num_samples.tolist(), np.random.default_rng(0)
        self._recognizer, self._ids, self._texts = recognizer, batch.ids, texts
        self._sounds = [row[:length] for row, length in zip(batch.waveforms.numpy(), lengths, strict=True)]
        self._noise = [background_noise(length, rng) for length in lengths]

    def is_passed(self) -> bool:
        return self.heard().errors == 0 and self.heard_in_noise().wer >= LEAST_NOISE_WER

    def heard(self) -> Score:
        return self._score(self._sounds)

    def heard_in_noise(self) -> Score:
        return self._score(self._noise)

    def _score(self, waveforms: Sequence[Float[np.ndarray, "_"]]) -> Score:
        self._recognizer.model.eval()
        decode, tokens = self._recognizer.decode, self._recognizer.tokens
        hypotheses = [
            "" if bool(np.isnan(log_probs).any()) else tokens.decode(decode([log_probs])[0].tokens)
            for log_probs in self._recognizer.log_probs(waveforms)
        ]
        return score(self._texts, hypotheses, ids=self._ids)


def _manifest(data: DataSettings, skip_missing: bool) -> list[Example]:
    path = Path(data.train)
    utterances, _ = read_set(path, skip_missing)
    refuse_long(utterances, path, data.max_seconds)
    return [Example(utterance, ()) for utterance in utterances]


def _first_shard(data: DataSettings) -> list[Example]:
    shard = read_index(Path(data.train)).shards[0]
    return [Example(utterance, (), sound) for utterance, sound in read_shard(shard)]
