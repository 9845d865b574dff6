"""How the weights of gated recurrences are initialised."""

from collections.abc import Sequence

import torch
from torch import nn


def initialise_gates(recurrence: nn.RNNBase, *, open_gate: int) -> None:
    """Orthogonal recurrence (Saxe et al. 2014), and one gate open, so that the memory is kept at the start: the forget
    gate of the LSTM (Jozefowicz et al. 2015), the update gate of the GRU. All other biases are zero.
    """
    size = recurrence.hidden_size
    for name, parameter in recurrence.named_parameters():
        gates = torch.split(parameter.data, size)
        for gate in gates:
            if name.startswith("weight_hh"):
                nn.init.orthogonal_(gate)
            elif name.startswith("weight_ih"):
                nn.init.xavier_uniform_(gate)
            else:
                nn.init.zeros_(gate)
        if name.startswith("bias_ih"):
            nn.init.ones_(gates[open_gate])


def initialise_inputs(inputs: nn.Linear, *, gate_biases: Sequence[int]) -> None:
    """Of the map from a frame to all gates, one after the other: what is in `gate_biases` as the biases of each."""
    weights, biases = (each.data.chunk(len(gate_biases)) for each in (inputs.weight, inputs.bias))
    for weight, bias, value in zip(weights, biases, gate_biases, strict=True):
        nn.init.xavier_uniform_(weight)
        nn.init.constant_(bias, value)
