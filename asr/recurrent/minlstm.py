"""minLSTM (Feng et al. 2024, "Were RNNs all we needed?"): an LSTM whose gates see the frame alone."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from asr.recurrent.gates import initialise_inputs
from asr.recurrent.mingru import positive
from asr.recurrent.recurrence import Recurrence, State
from asr.recurrent.scan import scan


class MinLSTM(Recurrence):
    """With s the logistic function, * by element, x, h input and output, and h' the h before:

    f, i = s(W x + b), each gate with its own W, b; n = V x + c; h = f / (f + i) * h' + i / (f + i) * n. State: (h,).

    The quotients are logistic functions of ln f - ln i, so nothing is ever divided. `positive_states` as in `MinGRU`.
    """

    def __init__(self, input_size: int, hidden_size: int, *, positive_states: bool) -> None:
        super().__init__()
        self.inputs = nn.Linear(input_size, 3 * hidden_size)  # f, i, n
        self.positive_states = positive_states
        self.output_size = hidden_size

    def forward(
        self, frames: Float[Tensor, "batch frames inputs"], state: State | None = None
    ) -> tuple[Float[Tensor, "batch frames outputs"], State]:
        f, i, n = self.inputs(frames).chunk(3, dim=-1)
        share = F.logsigmoid(f) - F.logsigmoid(i)
        (start,) = self.start_state(len(frames)) if state is None else state
        states = scan(share.sigmoid(), (-share).sigmoid() * (positive(n) if self.positive_states else n), start)
        return states, (states[:, -1],)

    def start_state(self, batch: int) -> State:
        return (self.inputs.weight.new_zeros(batch, self.output_size),)

    def initialise(self) -> None:
        initialise_inputs(self.inputs, gate_biases=(1, 0, 0))  # the memory is kept at the start
