"""A training step run again, to find the source of NaN or infinity: the first number that is not finite."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from asr.corpus.collate import Batch
from asr.ctc import num_frames_needed
from asr.model import AcousticModel
from asr.training.diagnosis.layer_norms import LayerNorms, layer_name, layer_norms
from asr.training.loss import LossSettings, training_losses
from asr.training.step import seed_step


@dataclass(frozen=True, slots=True)
class UtteranceLoss:
    """`num_needed`: the fewest frames that the tokens can be aligned to."""

    id: str
    seconds: float
    num_frames: int
    num_tokens: int
    num_needed: int
    loss: float


@dataclass(frozen=True, slots=True)
class Examination:
    """The result of running a step again. `outputs`: the largest magnitude in the output of each layer, in their order;
    `norms`: of their weights and gradients; `reason`: the likely cause, and what to do.
    """

    utterances: tuple[UtteranceLoss, ...]
    outputs: dict[str, float]
    norms: dict[str, LayerNorms]
    reason: str


def examine(
    model: AcousticModel, batch: Batch, settings: LossSettings, *, seed: int, step: int, rank: int
) -> Examination:
    """Run a step again, without an update; the gradients of the model are restored afterwards.

    `seed`, `step`, `rank`: as in `seed_step`.
    """
    parameters = list(model.parameters())
    kept = [parameter.grad for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    try:
        with _largest_outputs(model) as outputs:
            generator = seed_step(seed, step, rank)
            losses = training_losses(model, batch, settings, generator)
            (losses.sum() / max(1, len(batch.targets))).backward()  # type: ignore[no-untyped-call]
        utterances = tuple(_utterance_losses(model, batch, losses.tolist()))
        norms = layer_norms(model)
    finally:
        for parameter, gradient in zip(parameters, kept, strict=True):
            parameter.grad = gradient
    return Examination(utterances, outputs, norms, next(_causes(batch, utterances, outputs, norms)))


@contextmanager
def _largest_outputs(model: AcousticModel) -> Iterator[dict[str, float]]:
    """Collects the largest magnitude in each layer's output, or NaN if it has one, while the block runs."""
    found: dict[str, float] = {}

    def note(name: str, output: Tensor | tuple[Tensor, ...]) -> None:
        tensor = output if isinstance(output, Tensor) else output[0]
        found.setdefault(name, float(tensor.detach().abs().max()))

    def hook(name: str) -> Callable[[nn.Module, object, Tensor | tuple[Tensor, ...]], None]:
        return lambda module, inputs, output: note(name, output)

    handles = [module.register_forward_hook(hook(name)) for name, module in model.stages()]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _utterance_losses(model: AcousticModel, batch: Batch, losses: list[float]) -> Iterator[UtteranceLoss]:
    num_samples = batch.num_samples.cpu()
    num_frames = model.num_output_frames(num_samples).tolist()
    targets = torch.split(batch.targets.cpu(), batch.num_tokens.tolist())
    for row, (id, loss) in enumerate(zip(batch.ids, losses, strict=True)):
        tokens = targets[row].tolist()
        seconds = float(num_samples[row]) / model.sample_rate
        yield UtteranceLoss(id, seconds, num_frames[row], len(tokens), num_frames_needed(tokens), loss)


def _causes(
    batch: Batch,
    utterances: tuple[UtteranceLoss, ...],
    outputs: dict[str, float],
    norms: dict[str, LayerNorms],
) -> Iterator[str]:
    """The possible causes found, from the data to the gradients: the first one explains those after it."""
    finite = torch.isfinite(batch.waveforms).all(dim=1).tolist()
    if broken := [id for id, is_finite in zip(batch.ids, finite, strict=True) if not is_finite]:
        yield f"the sound of {', '.join(broken)} holds samples that are not finite: get it again"
    if short := [u for u in utterances if u.num_frames < u.num_needed]:
        named = ", ".join(f"{u.id} ({u.num_frames} frames for {u.num_needed})" for u in short)
        yield f"the text does not fit into the sound: {named}; correct the manifest, or lower model.subsampling"
    if layers := [name for name, norm in norms.items() if not math.isfinite(norm.weights)]:
        yield (
            f"the weights of {layers[0]} are not finite, an earlier step broke them: go on from an older checkpoint, "
            "with a lower training.learning_rate"
        )
    if layers := [name for name, largest in outputs.items() if not math.isfinite(largest)]:
        yield f"the output of {layers[0]} is not finite, though its weights are: lower training.learning_rate"
    if unlikely := [u.id for u in utterances if not math.isfinite(u.loss)]:
        yield f"the loss of {', '.join(unlikely)} is not finite: compare text and sound"
    if layers := [name for name, norm in norms.items() if not math.isfinite(norm.gradients)]:
        yield f"the gradient overflows on its way back, first in {layers[-1]}: lower training.learning_rate"
    yield "nothing is wrong when the step is run again: another process's share of the batch, or the device, broke it"


def as_table(examination: Examination) -> str:
    """An examination for a person to read, as plain text."""
    lines = [f"{'utterance':24}  seconds  frames  tokens  needed        loss"]
    lines += [
        f"{u.id:24}  {u.seconds:7.2f}  {u.num_frames:6}  {u.num_tokens:6}  {u.num_needed:6}  {u.loss:10.4g}"
        for u in examination.utterances
    ]
    lines += ["", f"{'layer':24}  largest output     weights   gradients"]
    for name, largest in examination.outputs.items():
        norm = examination.norms.get(layer_name(name))
        sizes = f"{norm.weights:10.4g}  {norm.gradients:10.4g}" if norm else ""
        lines.append(f"{name:24}  {largest:14.4g}  {sizes}".rstrip())
    return "\n".join([*lines, "", f"likely reason: {examination.reason}"])
