"""Networks of torch as ONNX graphs."""

from asr.onnx.export import make_graphs
from asr.onnx_engine import OnnxEngine
from asr.torch_engine import TorchEngine


def as_onnx(engine: TorchEngine, *, int8: bool = False) -> OnnxEngine:
    arrays = {name: value.detach().numpy() for name, value in engine.model.state_dict().items()}
    graphs = make_graphs(engine.settings, arrays, sample_rate=engine.model.sample_rate, int8=int8)
    return OnnxEngine(
        graphs, engine.settings, vocab_size=engine.vocab_size, sample_rate=engine.model.sample_rate, files=graphs
    )
