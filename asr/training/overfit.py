"""`asr train --overfit`: can the set-up learn one batch by heart? If not, no training of hours will learn anything."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from asr.audio import SAMPLE_RATE, EncodedSound
from asr.corpus.augment import AugmentSettings
from asr.corpus.batches import Batch, Example, collate, load_utterance
from asr.corpus.manifest import Utterance, read_manifest
from asr.corpus.shards import read_index, read_shard
from asr.model import AcousticModel
from asr.recognizer import default_device
from asr.scoring import UtteranceScore, score_utterance
from asr.search.greedy import greedy_search
from asr.tokens import Tokens
from asr.training.examination import examine
from asr.training.loss import training_losses
from asr.training.settings import ExperimentSettings
from asr.training.step import seed_step
from asr.training.train import alignable, encode

NUM_UTTERANCES = 8
SMALL_LOSS = 0.1  # per token: each is recognised with a probability of 0.9
LEARNING_RATE, WARMUP_STEPS, BETAS, MAX_NORM = 2e-3, 20, (0.9, 0.98), 5.0
CHECK_EVERY = 5  # steps
TIME_IS_UP = "it ran out of time or steps"

WHAT_TO_DO = """What to look at:
- loss falling, only too slow: a slow machine or a large model; give it more time
- loss flat from the start, all hypotheses empty: sounds that are silent or all alike (asr inspect FILE, asr doctor
  MANIFEST), a layer without gradient
- loss falls, then stays above zero: two utterances with the same sound and different texts, sounds cut too short
- loss not finite: texts too long for their sounds, or model.subsampling too high
Texts that belong to other sounds are learnt by heart all the same; asr doctor finds these."""


@dataclass(frozen=True, slots=True)
class Overfit:
    """What came of it. `loss`: CTC loss per token; `seconds`: of training; `reason`: why it was not reached, or ""."""

    reached: bool
    steps: int
    seconds: float
    loss: float
    utterances: tuple[UtteranceScore, ...]
    reason: str

    @property
    def wer(self) -> float:
        """Wrong words for each word of the batch."""
        return sum(u.errors for u in self.utterances) / max(1, sum(u.num_words for u in self.utterances))


def overfit_one_batch(settings: ExperimentSettings, *, max_seconds: float = 120.0, max_steps: int = 1000) -> Overfit:
    """Learn a few short utterances of the training set by heart, without augmentation, dropout and weight decay.

    Reached when greedy search makes no error on them and the loss is small; given up after `max_seconds` or
    `max_steps`. It shows that sound, text, network, loss and search work together; not that the texts are right.

    Raises:
        AsrError: settings, manifest, sound or tokens can not be used.
    """
    path = Path(settings.data.train)
    sounds = _first_shard(path) if path.is_dir() else dict.fromkeys(read_manifest(path))
    tokens, _ = Tokens.train([utterance.text for utterance in sounds], settings.tokens)
    settings = without_regularisation(settings)
    torch.manual_seed(settings.training.seed)
    model = AcousticModel(settings.model, vocab_size=len(tokens), sample_rate=SAMPLE_RATE).to(default_device())
    examples, _ = alignable(encode(list(sounds), tokens, settings.data.train), model, settings.augment.speeds)
    examples = choose(examples)
    batch = collate([(load_utterance(e.utterance, sounds[e.utterance]), e) for e in examples])
    texts = [example.utterance.text for example in examples]
    return learn(model, batch, texts, tokens, settings, max_seconds=max_seconds, max_steps=max_steps)


def learn(
    model: AcousticModel,
    batch: Batch,
    texts: Sequence[str],
    tokens: Tokens,
    settings: ExperimentSettings,
    *,
    max_seconds: float,
    max_steps: int,
) -> Overfit:
    """Train `model` on this one batch until it knows its texts, or time or steps are up."""
    batch = batch.to(model.head.weight.device)
    optimizer = torch.optim.Adam(model.parameters(), betas=BETAS)
    started, step, num_tokens, reason = time.perf_counter(), 0, max(1, len(batch.targets)), TIME_IS_UP
    while True:
        model.train()
        losses = training_losses(model, batch, settings, seed_step(settings.training.seed, step, rank=0))
        loss = losses.sum() / num_tokens
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        if not bool(norm.isfinite()):
            reason = examine(model, batch, settings, step=step, rank=0).reason
            break
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1.0, (step + 1) / WARMUP_STEPS)
        optimizer.step()
        step += 1
        may_know = step % CHECK_EVERY == 0 and float(loss.detach()) < SMALL_LOSS
        if may_know and not any(utterance.errors for utterance in _heard(model, batch, texts, tokens)):
            reason = ""
            break
        if step >= max_steps or time.perf_counter() - started > max_seconds:
            break
    utterances = _heard(model, batch, texts, tokens)
    return Overfit(not reason, step, time.perf_counter() - started, float(loss.detach()), tuple(utterances), reason)


def describe(overfit: Overfit) -> str:
    """The verdict as plain text for people: the numbers, what was heard in each utterance, and what to do."""
    head = "reached" if overfit.reached else "not reached"
    count = len(overfit.utterances)
    lines = [
        f"overfit one batch: {head} after {overfit.steps} steps, {overfit.seconds:.0f} s: {count} utterances, "
        f"loss {overfit.loss:.3g} per token, WER {100 * overfit.wer:.1f} %",
    ]
    lines += [f"why: {overfit.reason}"] if overfit.reason else []
    lines.append("")
    for utterance in overfit.utterances:
        mark = "=" if not utterance.errors else "!"
        lines += [f"{mark} {utterance.id}", f"    said   {utterance.reference}", f"    heard  {utterance.hypothesis}"]
    return "\n".join(lines if overfit.reached else [*lines, "", WHAT_TO_DO])


def without_regularisation(settings: ExperimentSettings) -> ExperimentSettings:
    """The same settings without augmentation, masks and dropout."""
    plain = AugmentSettings(speeds=(1.0,), noise_share=0.0, num_band_masks=0, num_time_masks=0)
    model = settings.model.model_copy(update={"dropout": 0.0})
    return settings.model_copy(update={"model": model, "augment": plain})


def choose(examples: Sequence[Example]) -> list[Example]:
    """Short utterances with different texts, from the lower quarter of durations on: the very shortest prove little."""
    spoken = {example.tokens: example for example in sorted(examples, key=_duration, reverse=True) if example.tokens}
    ordered = sorted(spoken.values(), key=_duration)
    start = max(0, min(len(ordered) // 4, len(ordered) - NUM_UTTERANCES))
    return ordered[start : start + NUM_UTTERANCES]


def _first_shard(folder: Path) -> dict[Utterance, EncodedSound | None]:
    return dict(read_shard(read_index(folder).shards[0]))


def _duration(example: Example) -> tuple[float, str]:
    return example.utterance.duration, example.utterance.id


def _heard(model: AcousticModel, batch: Batch, texts: Sequence[str], tokens: Tokens) -> list[UtteranceScore]:
    model.eval()
    with torch.inference_mode():
        log_probs, num_frames = model(batch.waveforms, batch.num_samples.to(batch.waveforms.device))
    hypotheses = [
        tokens.decode(greedy_search(rows[:length]).tokens) if bool(rows.isfinite().all()) else ""
        for rows, length in zip(log_probs.cpu(), num_frames.tolist(), strict=True)
    ]
    return [score_utterance(*row) for row in zip(batch.ids, texts, hypotheses, strict=True)]
