"""Gated recurrent units (Cho et al. 2014), with the reset gate applied after the recurrent product, as in cuDNN."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asr.recurrent.gates import initialise_gates
from asr.recurrent.loop import States, run_loop
from asr.recurrent.recurrence import Recurrence, State, autocasts_to_bf16


class GRU(nn.GRU, Recurrence):
    """With s the logistic function, * by element, and x, h input and output:

    r, z = s(W x + b + U h + d), each gate with its own W, b, U, d; n = tanh(W x + b + r * (U h + d));
    h = (1 - z) * n + z * h. State: (h,).

    Trained on a CPU it is a loop of ours: PyTorch's own is slower than one of its single operations.
    """

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)
        self.output_size = hidden_size

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        if autocasts_to_bf16(frames):
            with torch.autocast("cuda", enabled=False):
                return self.forward(frames.float(), state)
        if frames.is_cpu and torch.is_grad_enabled():
            return self._run_loop(frames, self.start_state(len(frames)) if state is None else state)
        outputs, hidden = nn.GRU.forward(self, frames, None if state is None else state[0][None])
        return outputs, (hidden[0],)

    def _run_loop(self, frames: Tensor, start: State) -> tuple[Tensor, State]:
        of_reset, of_update, of_new = self.bias_hh_l0.chunk(3)
        bias = self.bias_ih_l0 + torch.cat([of_reset, of_update, torch.zeros_like(of_new)])
        inputs = nn.functional.linear(frames.transpose(0, 1), self.weight_ih_l0, bias)
        (outputs,) = run_loop(_cell, inputs, start, self.weight_hh_l0, of_new)
        return outputs.transpose(0, 1), (outputs[-1],)

    def start_state(self, batch: int) -> State:
        return (next(self.parameters()).new_zeros(batch, self.hidden_size),)

    def initialise(self) -> None:
        initialise_gates(self, open_gate=1)  # reset, update, new


def _cell(inputs: Tensor, fed: Tensor, states: States, bias: Tensor) -> States:
    (r, z, n), (fed_r, fed_z, fed_n) = (each.chunk(3, dim=-1) for each in (inputs, fed))
    n = torch.addcmul(n, (r + fed_r).sigmoid(), fed_n + bias).tanh()
    return (torch.lerp(n, states[0], (z + fed_z).sigmoid()),)
