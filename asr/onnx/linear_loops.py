"""Families whose gates see the frame alone: all that is left for a step is by element."""

from collections.abc import Sequence

import numpy as np

from asr.onnx.graph import Graph, Value
from asr.onnx.loop_parts import Parts, linear, number
from asr.onnx.weights import Weights
from asr.recurrent.settings import MinGRUSettings, MinLSTMSettings, QRNNSettings


def mingru(graph: Graph, settings: MinGRUSettings, weights: Weights, cell: str) -> Parts:
    """`asr.recurrent.mingru`."""
    inputs = linear(graph, weights, f"{cell}.inputs")

    def sequences(frames: Value) -> list[Value]:
        z, n = inputs(frames).split(2)
        return [(-z).sigmoid(), z.sigmoid() * _candidate(n, settings.positive_states)]

    return sequences, _linear_step


def minlstm(graph: Graph, settings: MinLSTMSettings, weights: Weights, cell: str) -> Parts:
    """`asr.recurrent.minlstm`."""
    inputs = linear(graph, weights, f"{cell}.inputs")

    def sequences(frames: Value) -> list[Value]:
        f, i, n = inputs(frames).split(3)
        share = graph.op("Softplus", -i) - graph.op("Softplus", -f)
        return [share.sigmoid(), (-share).sigmoid() * _candidate(n, settings.positive_states)]

    return sequences, _linear_step


def rglru(graph: Graph, weights: Weights, cell: str) -> Parts:
    """`asr.recurrent.rglru`."""
    inputs = linear(graph, weights, f"{cell}.inputs")
    projection = weights.matrix(graph, f"{cell}.projection.weight").transpose(1, 0)
    log_radius = -np.logaddexp(0, -weights[f"{cell}.radius"])

    def sequences(frames: Value) -> list[Value]:
        x = frames @ projection
        r, i = inputs(x).sigmoid().split(2)
        log_a = r * (8 * log_radius)
        a = graph.op("Exp", log_a)
        rest = a * graph.op("Sinh", log_a) * number(-2.0)  # 1 - a * a, which would cancel
        return [a, graph.op("Sqrt", graph.op("Max", rest, number(2.5e-7))) * (i * x)]

    return sequences, _linear_step


def hgrn(graph: Graph, weights: Weights, cell: str) -> Parts:
    """`asr.recurrent.hgrn`."""
    inputs = linear(graph, weights, f"{cell}.inputs")
    high = 1 / (1 + np.exp(weights[f"{cell}.bound"]))

    def sequences(frames: Value) -> list[Value]:
        f, candidate, gate = inputs(frames).split(3)
        forgotten = (-f).sigmoid() * high
        return [-forgotten + number(1.0), forgotten * candidate * candidate.sigmoid(), gate.sigmoid()]

    def step(states: Sequence[Value], rows: Sequence[Value]) -> tuple[Value, list[Value]]:
        h, after = _linear_step(states, rows)
        return rows[2] * h, after

    return sequences, step


def sru(graph: Graph, weights: Weights, cell: str) -> Parts:
    """`asr.recurrent.sru`."""
    inputs, look = linear(graph, weights, f"{cell}.inputs"), weights.matrix(graph, f"{cell}.look")
    names = [f"{cell}.{part}.weight" for part in ("candidate", "projection")]
    candidate, projection = (weights.matrix(graph, name).transpose(1, 0) for name in names)

    def sequences(frames: Value) -> list[Value]:
        highway = frames @ projection * number(3**0.5)
        return [*inputs(frames).split(2), frames @ candidate, highway]

    def step(states: Sequence[Value], rows: Sequence[Value]) -> tuple[Value, list[Value]]:
        before, (gate, reset, u, highway) = states[0], rows
        f, r = (
            (row + before * before.graph.op("Gather", look, np.array(place))).sigmoid()
            for place, row in enumerate((gate, reset))
        )
        cells = u + f * (before - u)
        return highway + r * (cells - highway), [cells]

    return sequences, step


def qrnn(graph: Graph, settings: QRNNSettings, weights: Weights, cell: str) -> Parts:
    """`asr.recurrent.qrnn`. The frame before is part of the state, so its product is taken within the loop."""
    num_gates, bias = 1 + len(settings.pooling), weights[f"{cell}.inputs.bias"]
    both = weights.matrix(graph, f"{cell}.inputs.weight")
    before, now = (each.transpose(1, 0) for each in both.split(2))

    def step(states: Sequence[Value], rows: Sequence[Value]) -> tuple[Value, list[Value]]:
        z, f, o, *i = (rows[0] + states[1] @ before).split(num_gates)
        share = i[0] if i else -f
        cells = f.sigmoid() * states[0] + share.sigmoid() * z.graph.op("Tanh", z)
        return o.sigmoid() * cells, [cells, rows[1]]

    return lambda frames: [frames @ now + bias, frames], step


def _linear_step(states: Sequence[Value], rows: Sequence[Value]) -> tuple[Value, list[Value]]:
    """h = a * h' + b."""
    h = rows[0] * states[0] + rows[1]
    return h, [h]


def _candidate(n: Value, positive: bool) -> Value:
    """`asr.recurrent.mingru.positive`, if so wanted."""
    if not positive:
        return n
    return n.graph.op("Where", n < number(0.0), n.sigmoid(), n + number(0.5))
