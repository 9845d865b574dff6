"""The frame loop of the tensor search, and the history from which its prefixes are read at the end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

_NUM_WARM_UP = 3  # steps before a graph is recorded, as PyTorch's manual asks for


class Links(NamedTuple):
    """What the history keeps of a frame: for each prefix that starts there (batch, beam_width) the place of its parent
    and its last token, and for each trace the one that it continues.
    """

    prefix_parent: Tensor
    token: Tensor
    trace_parent: Tensor


@dataclass(frozen=True, slots=True)
class History:
    """The `Links` of all frames, int32. What starts in frame t at beam position k is at place t * beam_width + k of its
    utterance; -1 is the beginning.
    """

    links: Int[Tensor, "frames 3 batch beams"]

    @classmethod
    def empty(cls, max_frames: int, batch: int, beam_width: int, device: torch.device) -> "History":
        return cls(torch.zeros(max_frames, 3, batch, beam_width, dtype=torch.int32, device=device))

    def write(self, frame: Int[Tensor, "1"], links: Links) -> None:
        self.links.index_copy_(0, frame, torch.stack(links)[None].int())

    def tokens(self, prefixes: Int[Tensor, "batch best"]) -> list[list[list[int]]]:
        """The tokens of each prefix, which is given by its place."""
        places = _walk_back(_by_utterance(self.links[:, 0]), prefixes.cpu().numpy())
        tokens = _by_utterance(self.links[:, 1])
        return [[row[chain].tolist() for chain in chains] for row, chains in zip(tokens, places, strict=True)]

    def frames(self, traces: Int[Tensor, "batch best"]) -> list[list[list[int]]]:
        """The frames that the tokens of each trace start at."""
        places = _walk_back(_by_utterance(self.links[:, 2]), traces.cpu().numpy())
        beam_width = self.links.shape[3]
        return [[(chain // beam_width).tolist() for chain in chains] for chains in places]


def _by_utterance(link: Int[Tensor, "frames batch beams"]) -> np.ndarray:
    """(batch, places), on the host."""
    return link.transpose(0, 1).flatten(1).cpu().numpy()


def _walk_back(parent: np.ndarray, place: np.ndarray) -> list[list[np.ndarray]]:
    """The places from the beginning to each of (batch, best)."""
    utterance = np.arange(len(parent))[:, None]
    steps = []
    while (place >= 0).any():
        steps.append(place)
        place = np.where(place >= 0, parent[utterance, place], -1)
    chains = np.stack(steps[::-1], axis=-1) if steps else np.zeros((*place.shape, 0), np.int64)
    return [[chain[chain >= 0] for chain in rows] for rows in chains]


def repeat_step(step: Callable[[], None], times: int, device: torch.device) -> None:
    """Call `step`, which reads and writes the same tensors each time, `times` times.

    On a CUDA device it is recorded once, as a CUDA graph, and then replayed: a step is 130 to 200 small kernels, and
    launching them one by one is expected to take longer than running them. Not yet run on a GPU, and so unmeasured.
    """
    if device.type != "cuda" or times <= _NUM_WARM_UP:
        for _ in range(times):
            step()
        return
    with torch.cuda.device(device):
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_NUM_WARM_UP):
                step()
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            step()  # is recorded, not run
        for _ in range(times - _NUM_WARM_UP):
            graph.replay()
        torch.cuda.current_stream().synchronize()  # the graph owns the memory that it runs in
