"""Jordan's network (1986, "Attractor dynamics and parallelism in a connectionist sequential machine"): outputs are fed
back, not hidden units.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asr.recurrent.gates import initialise_inputs
from asr.recurrent.recurrence import Recurrence, State


class Jordan(Recurrence):
    """With x, h input and hidden units, y the outputs that are fed back, and s the context, even at the start:

    h = tanh(W x + b + U s); y = softmax(V h + c); s' = a s + (1 - a) y, the context of the next frame. State: (s,).

    h is the output to the next layer; y, probabilities, is all that reaches the next frame. Logarithms of them would
    saturate tanh. Jordan adds y to a s; taken as a mean, s stays a distribution, and a = 0 feeds back y alone.
    """

    def __init__(self, input_size: int, hidden_size: int, *, num_fed_back: int, context_decay: float) -> None:
        super().__init__()
        self.inputs = nn.Linear(input_size, hidden_size)
        self.feedback = nn.Linear(num_fed_back, hidden_size, bias=False)  # U
        self.readout = nn.Linear(hidden_size, num_fed_back)  # V, c
        self.context_decay = context_decay
        self.output_size = hidden_size

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        (start,) = self.start_state(len(frames)) if state is None else state
        inputs = self.inputs(frames.transpose(0, 1))
        inputs = inputs.to(torch.promote_types(inputs.dtype, torch.float32))
        weights = (self.feedback.weight, self.readout.weight, self.readout.bias)
        outputs, after = _Loop.apply(inputs, start, self.context_decay, *weights)  # type: ignore[no-untyped-call]
        return outputs.transpose(0, 1), (after,)

    def start_state(self, batch: int) -> State:
        number = self.readout.out_features
        return (self.inputs.weight.new_full((batch, number), 1 / number),)

    def initialise(self) -> None:
        initialise_inputs(self.inputs, gate_biases=(0,))
        initialise_inputs(self.readout, gate_biases=(0,))
        nn.init.xavier_uniform_(self.feedback.weight)


class _Loop(torch.autograd.Function):
    """All h, and the context after the last frame. Backwards through time by hand: only what the next frame needs is
    done frame by frame, the gradients of the weights are one product of all frames each.
    """

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, start: Tensor, decay: float, *weights: Tensor) -> tuple[Tensor, Tensor]:
        feedback, weight, bias = weights
        frames, batch, _ = inputs.shape
        hidden, outputs = torch.empty_like(inputs), inputs.new_empty(frames, batch, len(weight))
        contexts = torch.cat([start[None], outputs])
        turned_feedback, turned_weight, logits = feedback.T.contiguous(), weight.T.contiguous(), outputs[0].clone()
        rows = (each.unbind() for each in (inputs, hidden, outputs, contexts[:-1], contexts[1:]))
        for x, h, y, before, after in zip(*rows, strict=True):
            torch.addmm(x, before, turned_feedback, out=h).tanh_()
            torch.softmax(torch.addmm(bias, h, turned_weight, out=logits), dim=-1, out=y)
            torch.lerp(y, before, decay, out=after)
        ctx.decay = decay
        ctx.save_for_backward(hidden, outputs, contexts, feedback, weight)
        return hidden, contexts[-1].clone()

    @staticmethod
    def backward(ctx: Any, of_hidden: Tensor, of_context: Tensor) -> tuple[Tensor | None, ...]:
        hidden, outputs, contexts, feedback, weight = ctx.saved_tensors
        slopes, shares = 1 - hidden * hidden, (1 - ctx.decay) * outputs
        of_inputs, of_logits = torch.empty_like(hidden), torch.empty_like(outputs)
        for frame in reversed(range(len(hidden))):
            of_output = of_context * shares[frame]  # times y, as the gradient of a softmax wants it
            total = of_output.sum(dim=1, keepdim=True)
            torch.addcmul(of_output, outputs[frame], total, value=-1, out=of_logits[frame])
            torch.addmm(of_hidden[frame], of_logits[frame], weight, out=of_inputs[frame]).mul_(slopes[frame])
            of_context = torch.addmm(of_context, of_inputs[frame], feedback, beta=ctx.decay)
        flat_inputs, flat_logits = of_inputs.flatten(0, 1), of_logits.flatten(0, 1)
        of_feedback = flat_inputs.T @ contexts[:-1].flatten(0, 1)
        of_weight = flat_logits.T @ hidden.flatten(0, 1)
        return of_inputs, of_context, None, of_feedback, of_weight, flat_logits.sum(dim=0)
