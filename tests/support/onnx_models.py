"""Networks of torch as ONNX graphs."""

import copy

import numpy as np
import numpy.typing as npt
import torch

from asr.int8_weights import quantise
from asr.onnx.export import make_graphs
from asr.onnx_engine import OnnxEngine
from asr.torch_engine import TorchEngine


def arrays_of(engine: TorchEngine) -> dict[str, npt.NDArray[np.float32]]:
    return {name: value.detach().numpy() for name, value in engine.model.state_dict().items()}


def as_onnx(engine: TorchEngine, *, int8: bool = False) -> OnnxEngine:
    graphs = make_graphs(engine.settings, arrays_of(engine), sample_rate=engine.model.sample_rate, int8=int8)
    return OnnxEngine(
        graphs, engine.settings, vocab_size=engine.vocab_size, sample_rate=engine.model.sample_rate, files=graphs
    )


def with_int8_weights(engine: TorchEngine) -> TorchEngine:
    """The same network with each matrix rounded as an export rounds it."""
    model = copy.deepcopy(engine.model)
    for weights in model.parameters():
        if weights.dim() > 1:
            whole, scales = quantise(weights.detach().flatten(1).numpy())
            weights.data = torch.from_numpy(whole * scales).view_as(weights)
    return TorchEngine(model)
