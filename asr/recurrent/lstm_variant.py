"""Variants of the LSTM: peepholes (Gers & Schmidhuber 2000), a forget gate that is coupled to the input gate (Greff et
al. 2015) or missing (Hochreiter & Schmidhuber 1997), projection (Sak et al. 2014), layer norm (Ba et al. 2016).
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asr.recurrent.loop import States, run_loop, run_recorded
from asr.recurrent.recurrence import Recurrence, State


class LSTMVariant(Recurrence):
    """With s the logistic function, * by element, x, h, c input, output and cells, and h', c' those before:

    i = s(W x + b + U h' + p * c'), f the same with its own W, b, U, p; g = tanh(W x + b + U h'); c = f * c' + i * g;
    o = s(W x + b + U h' + p * c), which looks at the new cells; m = o * tanh(c); h = m. State: (m, c).

    `peepholes`: without them there is no p. `forget_gate`: if "coupled", f = 1 - i; if "none", f = 1, and the cells
    grow for as long as an utterance lasts. `num_cells`: more cells than outputs; then h = P m. `layer_norm`: LN(W x) +
    LN(U h') for W x + U h', over all gates together, and m = o * tanh(LN(c)); c itself is not normalised.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        num_cells: int | None,
        peepholes: bool,
        forget_gate: Literal["own", "coupled", "none"],
        layer_norm: bool,
    ) -> None:
        super().__init__()
        cells = num_cells or hidden_size
        self.gates = "ifgo" if forget_gate == "own" else "igo"
        width = len(self.gates) * cells
        self.inputs = nn.Linear(input_size, width, bias=False)
        self.bias = nn.Parameter(torch.empty(width))
        self.feedback = nn.Linear(hidden_size, width, bias=False)
        self.peepholes = nn.Parameter(torch.empty(len(self.gates) - 1, cells)) if peepholes else None  # i, (f,) o
        self.projection = None if num_cells is None else nn.Linear(cells, hidden_size, bias=False)
        self.norms = nn.ModuleDict()
        if layer_norm:
            both = {each: nn.LayerNorm(width, bias=False) for each in ("inputs", "feedback")}
            self.norms.update({**both, "cells": nn.LayerNorm(cells)})
        self.forget_gate = forget_gate
        self.num_cells, self.output_size = cells, hidden_size

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        start = self.start_state(len(frames)) if state is None else state
        inputs = self.inputs(frames.transpose(0, 1))
        peepholes = [] if self.peepholes is None else list(self.peepholes.unbind())
        if self.norms:
            hidden, cells = run_recorded(self._normed_step, self.norms["inputs"](inputs) + self.bias, start)
        else:
            projection = None if self.projection is None else self.projection.weight
            hidden, cells = run_loop(
                self._cell, inputs + self.bias, start, self.feedback.weight, *peepholes, projection=projection
            )
        outputs = hidden if self.projection is None else self.projection(hidden)
        return outputs.transpose(0, 1), (hidden[-1], cells[-1])

    def _cell(self, inputs: Tensor, fed: Tensor, states: States, *peepholes: Tensor) -> States:
        output_gate, cells = self._update(inputs + fed, states[1], peepholes)
        return output_gate * cells.tanh(), cells

    def _normed_step(self, inputs: Tensor, states: States) -> States:
        hidden = states[0] if self.projection is None else self.projection(states[0])
        fed = self.norms["feedback"](self.feedback(hidden))
        peepholes = () if self.peepholes is None else self.peepholes.unbind()
        output_gate, cells = self._update(inputs + fed, states[1], peepholes)
        return output_gate * self.norms["cells"](cells).tanh(), cells

    def _update(self, gates: Tensor, before: Tensor, peepholes: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """The output gate and the cells, from the sums of inputs and feedback for all gates."""
        i, *f, g, o = gates.chunk(len(self.gates), dim=-1)
        if peepholes:
            i, *f = (each + p * before for each, p in zip((i, *f), peepholes[:-1], strict=True))
        i, g = i.sigmoid(), g.tanh()
        if self.forget_gate == "own":
            cells = f[0].sigmoid() * before + i * g
        else:
            cells = before + i * (g - before) if self.forget_gate == "coupled" else before + i * g
        return (o + peepholes[-1] * cells if peepholes else o).sigmoid(), cells

    def start_state(self, batch: int) -> State:
        zeros = self.bias.new_zeros(batch, self.num_cells)
        return (zeros, zeros)

    def initialise(self) -> None:
        """The memory is kept at the start, by the forget gate, or the input gate that stands for it."""
        biases = {"own": (0, 1, 0, 0), "coupled": (-1, 0, 0), "none": (0, 0, 0)}[self.forget_gate]
        parts = (each.data.chunk(len(self.gates)) for each in (self.inputs.weight, self.feedback.weight, self.bias))
        for weight, feedback, bias, value in zip(*parts, biases, strict=True):
            nn.init.xavier_uniform_(weight)
            nn.init.orthogonal_(feedback)
            nn.init.constant_(bias, value)
        if self.peepholes is not None:
            nn.init.zeros_(self.peepholes)
        if self.projection is not None:
            nn.init.orthogonal_(self.projection.weight)
        for norm in self.norms.values():
            norm.reset_parameters()  # type: ignore[operator]
