"""Recurrences that are no operator of ONNX, as loops: what is computed of all frames at once, and one step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from asr.model_settings import ModelSettings
from asr.onnx.feedback_loops import echo_state, elman, fully_recurrent, jordan, ligru, lstm_variant
from asr.onnx.graph import Graph, Step, Value
from asr.onnx.linear_loops import hgrn, mingru, minlstm, qrnn, rglru, sru
from asr.onnx.loop_parts import Parts
from asr.onnx.states import start_value, state_sizes
from asr.onnx.weights import Array, Weights
from asr.recurrent.settings import (
    EchoStateSettings,
    ElmanSettings,
    FullyRecurrentSettings,
    HGRNSettings,
    JordanSettings,
    LiGRUSettings,
    LSTMVariantSettings,
    MinGRUSettings,
    MinLSTMSettings,
    QRNNSettings,
    RGLRUSettings,
    SRUSettings,
)


@dataclass(frozen=True, slots=True)
class Loop:
    """`sequences` makes of frames (frames, batch, inputs) what `step` takes of each frame, together with the states;
    `starts` are the numbers that each of them begins with.
    """

    sequences: Callable[[Value], Sequence[Value]]
    step: Step
    starts: Sequence[Array]

    def start(self, batch: Value) -> list[Value]:
        """The states before the first frame, each (batch, size)."""
        graph = batch.graph
        shape = graph.op("Concat", batch.unsqueeze(0), np.array([1]), axis=0)
        return [graph.op("Expand", each[None], shape) for each in self.starts]


def make_loop(graph: Graph, settings: ModelSettings, weights: Weights, cell: str) -> Loop:
    """Of the cell of this name among the weights."""
    sequences, step = _parts(graph, settings, weights, cell)
    sizes = state_sizes(settings)
    return Loop(sequences, step, [np.full(size, start_value(name, size), np.float32) for name, size in sizes.items()])


def _parts(graph: Graph, settings: ModelSettings, weights: Weights, cell: str) -> Parts:  # noqa: PLR0911, PLR0912
    match settings.recurrence:
        case ElmanSettings() as recurrence:
            return elman(graph, recurrence, weights, cell)
        case JordanSettings() as recurrence:
            return jordan(graph, recurrence, weights, cell)
        case FullyRecurrentSettings() as recurrence:
            return fully_recurrent(graph, recurrence, weights, cell, settings.hidden_size)
        case LSTMVariantSettings() as recurrence:
            return lstm_variant(graph, recurrence, weights, cell)
        case LiGRUSettings() as recurrence:
            return ligru(graph, recurrence, weights, cell)
        case MinGRUSettings() as recurrence:
            return mingru(graph, recurrence, weights, cell)
        case MinLSTMSettings() as recurrence:
            return minlstm(graph, recurrence, weights, cell)
        case RGLRUSettings():
            return rglru(graph, weights, cell)
        case HGRNSettings():
            return hgrn(graph, weights, cell)
        case SRUSettings():
            return sru(graph, weights, cell)
        case QRNNSettings() as recurrence:
            return qrnn(graph, recurrence, weights, cell)
        case EchoStateSettings() as recurrence:
            return echo_state(recurrence, weights, cell)
        case other:
            raise ValueError(f"{other.kind} is an operator of ONNX")
