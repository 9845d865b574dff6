"""Every family, and the numbers that `asr/recurrent/` is tested with."""

import torch
from torch import Tensor

from asr.recurrent.families import make_recurrence
from asr.recurrent.recurrence import Recurrence
from asr.recurrent.settings import (
    ElmanSettings,
    GRUSettings,
    HGRNSettings,
    LSTMSettings,
    MinGRUSettings,
    MinLSTMSettings,
    RecurrenceSettings,
    RGLRUSettings,
)

FAMILIES: dict[str, RecurrenceSettings] = {
    "lstm": LSTMSettings(),
    "gru": GRUSettings(kind="gru"),
    "elman": ElmanSettings(kind="elman"),
    "elman relu": ElmanSettings(kind="elman", activation="relu"),
    "mingru": MinGRUSettings(kind="mingru"),
    "mingru positive": MinGRUSettings(kind="mingru", positive_states=True),
    "minlstm": MinLSTMSettings(kind="minlstm"),
    "minlstm positive": MinLSTMSettings(kind="minlstm", positive_states=True),
    "rglru": RGLRUSettings(kind="rglru"),
    "hgrn": HGRNSettings(kind="hgrn"),
}


def random_cell(name: str, inputs: int, cells: int, seed: int = 2) -> Recurrence:
    """In float64, with biases that are not zero either."""
    torch.manual_seed(seed)
    cell = make_recurrence(FAMILIES[name], inputs, cells).double()
    cell.initialise()
    for parameter in cell.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return cell


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
