"""How far gradients reach in time: the vanishing gradient (Hochreiter 1991, Bengio et al. 1994) that LSTM cures.

The log-probability of the likeliest token of a frame is traced back to the input of the recurrent stack, k frames
before and k frames after: the norm of the gradient there says how much the network uses context that far away.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from asr.corpus.manifest import read_manifest
from asr.corpus.utterances import load_utterance
from asr.errors import AsrError
from asr.recognizer import Recognizer
from asr.training.settings import load_run_settings

MAX_LAG = 100  # frames, at 20 to 80 ms
NUM_UTTERANCES, MAX_SECONDS = 4, 10.0
_FRAMES_PER_UTTERANCE = 2


@dataclass(frozen=True, slots=True)
class GradientReach:
    """Norms of the gradient by lag, 0 to `MAX_LAG` frames or the length of the utterances: geometric means."""

    past: tuple[float, ...]
    future: tuple[float, ...]
    seconds_per_frame: float


def gradient_reach_of_run(run: Path) -> GradientReach | str:
    """Of a run's model, on the longest dev utterances of up to 10 s; or the reason why it cannot be measured."""
    try:
        recognizer = Recognizer.load(run / "model", engine="torch")
        dev = read_manifest(Path(load_run_settings(run).data.dev), check_files=False)
        whole = [utterance for utterance in dev if utterance.offset is None and utterance.duration <= MAX_SECONDS]
        longest = sorted(whole, key=lambda utterance: -utterance.duration)[:NUM_UTTERANCES]
        if not longest:
            return "dev has no utterance of less than 10 s in a file of its own"
        return measure_gradient_reach(
            recognizer, [torch.from_numpy(load_utterance(utterance)) for utterance in longest]
        )
    except AsrError as error:
        return str(error)


def measure_gradient_reach(recognizer: Recognizer, waveforms: Sequence[Float[Tensor, "_"]]) -> GradientReach:
    """Measured on a few frames of each waveform (16 kHz, mono, in [-1, 1]), with the model as it recognises.

    The recogniser has to be on the CPU: cuDNN's LSTM has no backward pass in evaluation mode.
    """
    model = recognizer.model
    past, future = [], []
    for waveform in waveforms:
        with torch.no_grad():
            frames, num_frames = model.features(waveform[None], torch.tensor([len(waveform)]))
            encoded, num_frames = model.subsampling(frames, num_frames)

        def best_token(encoded: Tensor, num_frames: Tensor = num_frames) -> Tensor:
            return model.log_probs(model.run_layers(encoded[None], num_frames)[-1])[0].amax(dim=1)

        behind, ahead = norms_by_lag(best_token, encoded[0], _evenly_spaced(len(encoded[0])))
        past.append(behind)
        future.append(ahead)
    return GradientReach(geometric_mean(past), geometric_mean(future), model.seconds_per_frame)


def reach_of(norms: Sequence[float]) -> int | None:
    """The first lag, in frames, at which the norm is below a hundredth of that at lag 0; None if it is at no lag."""
    return next((lag for lag, norm in enumerate(norms) if norm < norms[0] / 100), None)


def norms_by_lag(
    score: Callable[[Tensor], Tensor], inputs: Float[Tensor, "frames size"], places: Sequence[int]
) -> tuple[Float[Tensor, "places lags"], Float[Tensor, "places lags"]]:
    """Norms of the gradient of `score(inputs)[place]` with respect to each input frame before it, and after it.

    `score` gives one number a frame. NaN beyond the first and the last frame.
    """
    inputs = inputs.detach().requires_grad_()
    scores = score(inputs)
    past, future = torch.full((2, len(places), MAX_LAG + 1), torch.nan).unbind()
    for row, place in enumerate(places):
        (gradient,) = torch.autograd.grad(scores[place], inputs, retain_graph=True)
        norms = gradient.norm(dim=1)
        behind, ahead = norms[: place + 1].flip(0)[: MAX_LAG + 1], norms[place:][: MAX_LAG + 1]
        past[row, : len(behind)] = behind
        future[row, : len(ahead)] = ahead
    return past, future


def _evenly_spaced(num_frames: int) -> list[int]:
    """Some frames of an utterance, evenly spaced and not at its ends."""
    step = num_frames / _FRAMES_PER_UTTERANCE
    return sorted({int((number + 0.5) * step) for number in range(_FRAMES_PER_UTTERANCE)})


def geometric_mean(rows: Sequence[Float[Tensor, "_ lags"]]) -> tuple[float, ...]:
    """By lag, over the rows that are long enough, up to the first lag that none has; 0 where a gradient is 0."""
    means = torch.cat(list(rows)).log().nanmean(dim=0).exp().tolist()
    reached = next((lag for lag, value in enumerate(means) if math.isnan(value)), len(means))
    return tuple(means[:reached])
