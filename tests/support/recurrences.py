"""Every family, and the numbers that `asr/recurrent/` is tested with."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor

from asr.recurrent.families import make_recurrence
from asr.recurrent.recurrence import Recurrence, State
from asr.recurrent.settings import (
    EchoStateSettings,
    ElmanSettings,
    FullyRecurrentSettings,
    GRUSettings,
    HGRNSettings,
    JordanSettings,
    LiGRUSettings,
    LSTMSettings,
    LSTMVariantSettings,
    MinGRUSettings,
    MinLSTMSettings,
    QRNNSettings,
    RecurrenceSettings,
    RGLRUSettings,
    SRUSettings,
)

FAMILIES: dict[str, RecurrenceSettings] = {
    "lstm": LSTMSettings(),
    "lstm with peepholes": LSTMVariantSettings(kind="lstm_variant"),
    "lstm coupled, projected": LSTMVariantSettings(kind="lstm_variant", forget_gate="coupled", num_cells=7),
    "lstm without forget gate": LSTMVariantSettings(kind="lstm_variant", forget_gate="none", peepholes=False),
    "lstm projected, normed": LSTMVariantSettings(kind="lstm_variant", num_cells=6, layer_norm=True),
    "gru": GRUSettings(kind="gru"),
    "elman": ElmanSettings(kind="elman"),
    "elman relu": ElmanSettings(kind="elman", activation="relu"),
    "jordan": JordanSettings(kind="jordan", num_fed_back=3, context_decay=0.5),
    "fully_recurrent": FullyRecurrentSettings(kind="fully_recurrent"),
    "ligru": LiGRUSettings(kind="ligru"),
    "ligru stable": LiGRUSettings(kind="ligru", activation="tanh", stable=True),
    "mingru": MinGRUSettings(kind="mingru"),
    "mingru positive": MinGRUSettings(kind="mingru", positive_states=True),
    "minlstm": MinLSTMSettings(kind="minlstm"),
    "minlstm positive": MinLSTMSettings(kind="minlstm", positive_states=True),
    "rglru": RGLRUSettings(kind="rglru"),
    "hgrn": HGRNSettings(kind="hgrn"),
    "sru": SRUSettings(kind="sru"),
    "qrnn": QRNNSettings(kind="qrnn"),
    "qrnn ifo": QRNNSettings(kind="qrnn", pooling="ifo"),
    "echo_state": EchoStateSettings(kind="echo_state"),
}


def random_cell(name: str, inputs: int, cells: int, seed: int = 2) -> Recurrence:
    """In float64, with biases that are not zero either."""
    torch.manual_seed(seed)
    cell = make_recurrence(FAMILIES[name], inputs, cells).double()
    cell.initialise()
    for parameter in cell.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return cell


Step: TypeAlias = Callable[[Mapping[str, Tensor], Tensor, State], tuple[Tensor, State]]
"""The equations of a family at one frame (batch, inputs), from its weights by their names and the state before."""


def assert_steps_and_gradients(cell: Recurrence, step: Step, sound: Tensor) -> None:
    """That a cell gives for (batch, frames, inputs) what its equations give step by step, with all gradients, those of
    the steps as torch records them.
    """
    sound.requires_grad_()
    weights = {**dict(cell.named_buffers()), **dict(cell.named_parameters())}
    start = tuple((each + 0.1 * torch.rand_like(each)).requires_grad_() for each in cell.start_state(len(sound)))
    state, rows = start, []
    for x in sound.unbind(dim=1):
        output, state = step(weights, x, state)
        rows.append(output)
    theirs, (outputs, final) = (torch.stack(rows, dim=1), *state), cell(sound, start)
    ours = (outputs, *final)
    leaves, factors = [sound, *start, *cell.parameters()], [torch.randn_like(each) for each in theirs]
    gradients = [
        torch.autograd.grad(sum((each * factor).sum() for each, factor in zip(found, factors, strict=True)), leaves)
        for found in (ours, theirs)
    ]
    for found, expected in [*zip(ours, theirs, strict=True), *zip(*gradients, strict=True)]:
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


# Weights and inputs of which a mistake in the order of gates, a transposition or a bias shows by the fourth decimal.


def matrix(rows: int, columns: int, seed: int) -> Tensor:
    """Multiples of 0.2 from -0.6 to 0.6."""
    values = [[(3 * i + 5 * j + seed) % 7 - 3 for j in range(columns)] for i in range(rows)]
    return 0.2 * torch.tensor(values, dtype=torch.float64)


def vector(size: int, seed: int) -> Tensor:
    """Multiples of 0.1 from -0.2 to 0.2."""
    return 0.1 * torch.tensor([(2 * i + seed) % 5 - 2 for i in range(size)], dtype=torch.float64)


def frames(number: int, size: int) -> Tensor:
    """(frames, size): multiples of 0.5 from -1 to 1."""
    values = [[(2 * t + 3 * j) % 5 - 2 for j in range(size)] for t in range(number)]
    return 0.5 * torch.tensor(values, dtype=torch.float64)


def stacked(rows: int, columns: int, *seeds: int) -> Tensor:
    """`matrix` of each seed, one below the other: the gates of a cell."""
    return torch.cat([matrix(rows, columns, seed) for seed in seeds])


def joined(size: int, *seeds: int) -> Tensor:
    """`vector` of each seed, one after the other."""
    return torch.cat([vector(size, seed) for seed in seeds])


def numbers(text: str) -> Tensor:
    """A table as text, its rows separated by |."""
    return torch.tensor([[float(word) for word in row.split()] for row in text.split("|")], dtype=torch.float64)
