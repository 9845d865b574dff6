"""What `transcribe.py` compares of ours: one model by several engines, and a network of 10 million weights."""

import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asr.audio import SAMPLE_RATE
from asr.model import AcousticModel
from asr.onnx.export import MATRICES, NETWORK, make_graphs
from asr.onnx_engine import OnnxEngine
from asr.recognizer import Recognizer

LARGE = 10_000_000  # weights


class LargeEngine:
    """Computes as a large network and answers as a trained one: what it was asked once, it knows the answer of."""

    def __init__(self, trained: OnnxEngine, large: OnnxEngine) -> None:
        self._trained, self._large, self._known = trained, large, dict[bytes, np.ndarray]()

    def log_probs(self, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
        keys = [waveform.tobytes() for waveform in waveforms]
        unknown = [index for index, key in enumerate(keys) if key not in self._known]
        answers = self._trained.log_probs([waveforms[index] for index in unknown])
        self._known.update(zip((keys[index] for index in unknown), answers, strict=True))
        self._large.log_probs(waveforms)
        return [self._known[key] for key in keys]

    def __getattr__(self, name: str) -> object:
        return getattr(self._trained, name)


def make_recognizers(folder: Path) -> dict[str, Recognizer]:
    """By the names of their rows; the one that peers are compared with comes first."""
    by_torch = Recognizer.load(folder, engine="torch")
    by_torch = by_torch.with_search(by_torch.search.model_copy(update={"method": "beam", "beam_width": 100}))
    model, vocab = by_torch.model, len(by_torch.tokens)
    trained = onnx_engine(model, vocab)
    found: dict[str, Any] = {f"{num_weights(model) / 1e6:.1f} M weights": trained, "the same by torch": by_torch.engine}
    try:
        found["the same in int8 arithmetic"] = in_int8_arithmetic(model, vocab)
    except ModuleNotFoundError as error:
        print(f"int8 arithmetic is not measured: {error.name} is not installed", file=sys.stderr)
    if num_weights(model) < LARGE:
        large = enlarged(model, vocab)
        name = f"{num_weights(large) / 1e6:.1f} M weights"
        found = {name: LargeEngine(trained, onnx_engine(large, vocab)), **found}
    return {name: Recognizer(replace(by_torch.parts, engine=engine)) for name, engine in found.items()}


def onnx_engine(model: AcousticModel, vocab: int) -> OnnxEngine:
    """In float32 arithmetic, with weights that lie in the file as int8."""
    graphs = make_graphs(model.settings, arrays_of(model), sample_rate=SAMPLE_RATE, int8=True)
    return OnnxEngine(graphs, model.settings, vocab_size=vocab, sample_rate=SAMPLE_RATE, files={})


def in_int8_arithmetic(model: AcousticModel, vocab: int) -> OnnxEngine:
    """By ONNX Runtime's dynamic quantisation of the products and the LSTMs.

    Raises:
        ModuleNotFoundError: there is no package `onnx`.
    """
    import_module("onnx")  # without it, the next import ends in another error
    from onnxruntime.quantization import quantize_dynamic

    graphs = make_graphs(model.settings, arrays_of(model), sample_rate=SAMPLE_RATE, int8=False)
    with tempfile.TemporaryDirectory() as name, redirect_stderr(None):
        folder = Path(name)
        for file in (NETWORK, MATRICES):
            (folder / file).write_bytes(graphs[file])
        quantize_dynamic(folder / NETWORK, folder / "int8.onnx", op_types_to_quantize=["LSTM", "MatMul"])
        graphs[NETWORK] = (folder / "int8.onnx").read_bytes()
    return OnnxEngine(graphs, model.settings, vocab_size=vocab, sample_rate=SAMPLE_RATE, files={})


def arrays_of(model: AcousticModel) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy() for name, value in model.state_dict().items()}


def num_weights(model: AcousticModel) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def enlarged(model: AcousticModel, vocab: int) -> AcousticModel:
    """The first network of random weights that has `LARGE` of them, with wider layers than a trained one."""
    torch.manual_seed(0)
    while num_weights(model) < LARGE:
        settings = model.settings.model_copy(update={"hidden_size": model.settings.hidden_size + 16})
        model = AcousticModel(settings, vocab_size=vocab, sample_rate=SAMPLE_RATE)
    return model
