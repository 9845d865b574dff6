"""Families whose gates or units are fed what came out before: a product in each step."""

from collections.abc import Sequence

import numpy as np

from asr.onnx.graph import Graph, Value
from asr.onnx.loop_parts import Parts, linear, number
from asr.onnx.weights import Array, Weights
from asr.recurrent.settings import (
    EchoStateSettings,
    ElmanSettings,
    FullyRecurrentSettings,
    JordanSettings,
    LiGRUSettings,
    LSTMVariantSettings,
)


def elman(graph: Graph, settings: ElmanSettings, weights: Weights, cell: str) -> Parts:
    """`asr.recurrent.elman`."""
    inputs = linear(graph, weights, f"{cell}.inputs")
    feedback = weights.matrix(graph, f"{cell}.feedback.weight").transpose(1, 0)

    def step(states: Sequence[Value], rows: Sequence[Value]) -> tuple[Value, list[Value]]:
        total = states[0] @ feedback + rows[0]
        graph = total.graph
        tanh = settings.activation == "tanh"
        h = graph.op("Tanh", total) if tanh else graph.op("Clip", total, number(0.0), number(20.0))
        return h, [h]

    return lambda frames: [inputs(frames)], step


def jordan(graph: Graph, settings: JordanSettings, weights: Weights, cell: str) -> Parts:
    """`asr.recurrent.jordan`."""
    inputs, readout = (linear(graph, weights, f"{cell}.{name}") for name in ("inputs", "readout"))
    feedback = weights.matrix(graph, f"{cell}.feedback.weight").transpose(1, 0)

    def step(states: Sequence[Value], rows: Sequence[Value]) -> tuple[Value, list[Value]]:
        graph, context = states[0].graph, states[0]
        h = graph.op("Tanh", context @ feedback + rows[0])
        y = graph.op("Softmax", readout(h), axis=-1)
        return h, [context * number(settings.context_decay) + y * number(1 - settings.context_decay)]

    return lambda frames: [inputs(frames)], step


def fully_recurrent(
    graph: Graph, settings: FullyRecurrentSettings, weights: Weights, cell: str, num_outputs: int
) -> Parts:
    """`asr.recurrent.fully_recurrent`."""
    inputs, feedback = (
        weights.matrix(graph, f"{cell}.{name}.weight").transpose(1, 0) for name in ("inputs", "feedback")
    )
    bias, missing = weights[f"{cell}.bias"], settings.num_units(num_outputs) - settings.num_fed(num_outputs)

    def step(states: Sequence[Value], rows: Sequence[Value]) -> tuple[Value, list[Value]]:
        graph, units = states[0].graph, states[0]
        for _ in range(settings.ticks):
            units = graph.op("Tanh", units @ feedback + rows[0])
        end = np.array([np.iinfo(np.int64).max])
        return graph.op("Slice", units, np.array([-num_outputs]), end, np.array([1])), [units]

    return lambda frames: [graph.op("Pad", frames @ inputs, np.array([0, 0, 0, 0, 0, missing])) + bias], step


def lstm_variant(graph: Graph, settings: LSTMVariantSettings, weights: Weights, cell: str) -> Parts:
    """`asr.recurrent.lstm_variant`."""
    names = [f"{cell}.{part}.weight" for part in ("inputs", "feedback")]
    inputs, feedback = (weights.matrix(graph, name).transpose(1, 0) for name in names)
    projection = weights.matrix(graph, f"{cell}.projection.weight").transpose(1, 0) if settings.num_cells else None
    peepholes = weights.matrix(graph, f"{cell}.peepholes") if settings.peepholes else None
    num_gates = 4 if settings.forget_gate == "own" else 3
    biases = {name: np.zeros_like(weights[f"{cell}.bias"]) for name in ("inputs", "feedback")}
    norms: dict[str, tuple[Array, Array]] = {}
    if settings.layer_norm:
        norms = {name: (weights[f"{cell}.norms.{name}.weight"], bias) for name, bias in biases.items()}
        norms["cells"] = (weights[f"{cell}.norms.cells.weight"], weights[f"{cell}.norms.cells.bias"])

    def normed(value: Value, name: str) -> Value:
        if not norms:
            return value
        return value.graph.op("LayerNormalization", value, *norms[name], axis=-1, epsilon=1e-5)

    def looking(gate: Value, row: int, cells: Value) -> Value:
        """A gate that sees the cells, if there are peepholes."""
        return gate if peepholes is None else gate + cells * cells.graph.op("Gather", peepholes, np.array(row))

    def step(states: Sequence[Value], rows: Sequence[Value]) -> tuple[Value, list[Value]]:
        hidden, before = states
        fed = normed((hidden if projection is None else hidden @ projection) @ feedback, "feedback")
        i, *f, g, o = (rows[0] + fed).split(num_gates)
        graph = i.graph
        new, i = graph.op("Tanh", g), looking(i, 0, before).sigmoid()
        cells = before + i * new
        if settings.forget_gate == "own":
            cells = looking(f[0], 1, before).sigmoid() * before + i * new
        elif settings.forget_gate == "coupled":
            cells = before + i * (new - before)
        hidden = looking(o, num_gates - 2, cells).sigmoid() * graph.op("Tanh", normed(cells, "cells"))
        return hidden if projection is None else hidden @ projection, [hidden, cells]

    return lambda frames: [normed(frames @ inputs, "inputs") + weights[f"{cell}.bias"]], step


def ligru(graph: Graph, settings: LiGRUSettings, weights: Weights, cell: str) -> Parts:
    """`asr.recurrent.ligru`."""
    names = [f"{cell}.{part}.weight" for part in ("inputs", "feedback")]
    inputs, feedback = (weights.matrix(graph, name).transpose(1, 0) for name in names)
    norms = [[weights[f"{cell}.norms.{gate}.{part}"] for part in ("weight", "bias")] for gate in (0, 1)]
    ones = np.ones(2 * len(norms[0][0]), np.float32)

    def sequences(frames: Value) -> list[Value]:
        graph, gates = frames.graph, (frames @ inputs).split(2)
        return [
            graph.op("LayerNormalization", gate, *norm, axis=-1, epsilon=1e-5)
            for gate, norm in zip(gates, norms, strict=True)
        ]

    def step(states: Sequence[Value], rows: Sequence[Value]) -> tuple[Value, list[Value]]:
        graph, fed = states[0].graph, states[0] @ feedback
        if settings.stable:
            fed = graph.op("LayerNormalization", fed, ones, ones * 0, axis=-1, epsilon=1e-5)
        z, a = (row + part for row, part in zip(rows, fed.split(2), strict=True))
        a = graph.op("Relu" if settings.activation == "relu" else "Tanh", a)
        h = a + (states[0] - a) * z.sigmoid()
        return h, [h]

    return sequences, step


def echo_state(settings: EchoStateSettings, weights: Weights, cell: str) -> Parts:
    """`asr.recurrent.echo_state`. Its matrices stay sparse."""
    bias = weights[f"{cell}.bias"]

    def product(values: Value, name: str, *shape: int) -> Value:
        """Of the rows of a sparse matrix and the last axis; `shape` is that of the axes before."""
        columns, own = weights[f"{cell}.{name}_columns"].astype(np.int64), weights[f"{cell}.{name}_weights"]
        gathered = values.graph.op("Gather", values, columns, axis=len(shape)) * own
        parts = gathered.reshape(*shape, len(bias), -1)
        return parts.graph.op("ReduceSum", parts, np.array([-1]), keepdims=0)

    def step(states: Sequence[Value], rows: Sequence[Value]) -> tuple[Value, list[Value]]:
        before, graph = states[0], states[0].graph
        new = graph.op("Tanh", product(before, "feedback", 0) + rows[0])
        s = before + (new - before) * number(settings.leak)
        return s, [s]

    return lambda frames: [product(frames, "input", 0, 0) + bias], step
