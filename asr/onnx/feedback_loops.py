"""Families whose gates or units are fed what came out before: a product in each step."""

from collections.abc import Sequence

import numpy as np

from asr.onnx.graph import Graph, Value
from asr.onnx.loop_parts import Parts, linear, number
from asr.onnx.weights import Weights
from asr.recurrent.settings import ElmanSettings, FullyRecurrentSettings, JordanSettings


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
