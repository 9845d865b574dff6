"""Recurrences that are no operator of ONNX, as loops: what is computed of all frames at once, and one step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asr.model_settings import ModelSettings
from asr.onnx.graph import Graph, Step, Value
from asr.onnx.weights import Weights
from asr.recurrent.settings import ElmanSettings, HGRNSettings, MinGRUSettings, MinLSTMSettings, RGLRUSettings


@dataclass(frozen=True, slots=True)
class Loop:
    """`sequences` makes of frames (frames, batch, inputs) what `step` takes of each frame, together with the states,
    of `sizes`, zero at the start.
    """

    sequences: Callable[[Value], Sequence[Value]]
    step: Step
    sizes: Sequence[int]

    def start(self, batch: Value) -> list[Value]:
        """The states before the first frame, each (batch, size)."""
        graph = batch.graph
        return [
            graph.op(
                "Expand", np.zeros((1, size), np.float32), graph.op("Concat", batch.unsqueeze(0), np.array([1]), axis=0)
            )
            for size in self.sizes
        ]


def make_loop(graph: Graph, settings: ModelSettings, weights: Weights, cell: str) -> Loop:
    """Of the cell of this name among the weights."""
    match settings.recurrence:
        case ElmanSettings() as recurrence:
            sequences, step = _elman(graph, recurrence, weights, cell)
        case MinGRUSettings() as recurrence:
            sequences, step = _mingru(graph, recurrence, weights, cell)
        case MinLSTMSettings() as recurrence:
            sequences, step = _minlstm(graph, recurrence, weights, cell)
        case RGLRUSettings():
            sequences, step = _rglru(graph, weights, cell)
        case HGRNSettings():
            sequences, step = _hgrn(graph, weights, cell)
        case other:
            raise ValueError(f"{other.kind} is an operator of ONNX")
    return Loop(sequences, step, [settings.hidden_size])


_Parts = tuple[Callable[[Value], Sequence[Value]], Step]


def _elman(graph: Graph, settings: ElmanSettings, weights: Weights, cell: str) -> _Parts:
    inputs = _linear(graph, weights, f"{cell}.inputs")
    feedback = weights.matrix(graph, f"{cell}.feedback.weight").transpose(1, 0)

    def step(states: Sequence[Value], rows: Sequence[Value]) -> tuple[Value, list[Value]]:
        total = states[0] @ feedback + rows[0]
        graph = total.graph
        tanh = settings.activation == "tanh"
        h = graph.op("Tanh", total) if tanh else graph.op("Clip", total, _number(0.0), _number(20.0))
        return h, [h]

    return lambda frames: [inputs(frames)], step


def _mingru(graph: Graph, settings: MinGRUSettings, weights: Weights, cell: str) -> _Parts:
    inputs = _linear(graph, weights, f"{cell}.inputs")

    def sequences(frames: Value) -> list[Value]:
        z, n = inputs(frames).split(2)
        return [(-z).sigmoid(), z.sigmoid() * _candidate(n, settings.positive_states)]

    return sequences, _linear_step


def _minlstm(graph: Graph, settings: MinLSTMSettings, weights: Weights, cell: str) -> _Parts:
    inputs = _linear(graph, weights, f"{cell}.inputs")

    def sequences(frames: Value) -> list[Value]:
        f, i, n = inputs(frames).split(3)
        share = graph.op("Softplus", -i) - graph.op("Softplus", -f)
        return [share.sigmoid(), (-share).sigmoid() * _candidate(n, settings.positive_states)]

    return sequences, _linear_step


def _rglru(graph: Graph, weights: Weights, cell: str) -> _Parts:
    inputs = _linear(graph, weights, f"{cell}.inputs")
    projection = weights.matrix(graph, f"{cell}.projection.weight").transpose(1, 0)
    log_radius = -np.logaddexp(0, -weights[f"{cell}.radius"])

    def sequences(frames: Value) -> list[Value]:
        x = frames @ projection
        r, i = inputs(x).sigmoid().split(2)
        log_a = r * (8 * log_radius)
        a = graph.op("Exp", log_a)
        rest = a * graph.op("Sinh", log_a) * _number(-2.0)  # 1 - a * a, which would cancel
        return [a, graph.op("Sqrt", graph.op("Max", rest, _number(2.5e-7))) * (i * x)]

    return sequences, _linear_step


def _hgrn(graph: Graph, weights: Weights, cell: str) -> _Parts:
    inputs = _linear(graph, weights, f"{cell}.inputs")
    high = 1 / (1 + np.exp(weights[f"{cell}.bound"]))

    def sequences(frames: Value) -> list[Value]:
        f, candidate, gate = inputs(frames).split(3)
        forgotten = (-f).sigmoid() * high
        return [-forgotten + _number(1.0), forgotten * candidate * candidate.sigmoid(), gate.sigmoid()]

    def step(states: Sequence[Value], rows: Sequence[Value]) -> tuple[Value, list[Value]]:
        h, after = _linear_step(states, rows)
        return rows[2] * h, after

    return sequences, step


def _linear_step(states: Sequence[Value], rows: Sequence[Value]) -> tuple[Value, list[Value]]:
    """h = a * h' + b."""
    h = rows[0] * states[0] + rows[1]
    return h, [h]


def _candidate(n: Value, positive: bool) -> Value:
    """`asr.recurrent.mingru.positive`, if so wanted."""
    if not positive:
        return n
    return n.graph.op("Where", n < _number(0.0), n.sigmoid(), n + _number(0.5))


def _linear(graph: Graph, weights: Weights, name: str) -> Callable[[Value], Value]:
    """PyTorch's `Linear`, to be used more than once."""
    matrix, bias = weights.matrix(graph, f"{name}.weight").transpose(1, 0), weights[f"{name}.bias"]
    return lambda frames: frames @ matrix + bias


def _number(value: float) -> npt.NDArray[np.float32]:
    return np.array(value, np.float32)
