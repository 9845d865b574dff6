"""Settings -> recurrence: the one place where a family is chosen."""

from asr.recurrent.bidirectional import Bidirectional
from asr.recurrent.echo_state import EchoState
from asr.recurrent.elman import Elman
from asr.recurrent.fully_recurrent import FullyRecurrent
from asr.recurrent.gru import GRU
from asr.recurrent.hgrn import HGRN
from asr.recurrent.jordan import Jordan
from asr.recurrent.ligru import LiGRU
from asr.recurrent.lstm import LSTM
from asr.recurrent.lstm_variant import LSTMVariant
from asr.recurrent.mingru import MinGRU
from asr.recurrent.minlstm import MinLSTM
from asr.recurrent.qrnn import QRNN
from asr.recurrent.recurrence import Recurrence
from asr.recurrent.rglru import RGLRU
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
from asr.recurrent.sru import SRU


def make_recurrence(settings: RecurrenceSettings, input_size: int, hidden_size: int) -> Recurrence:  # noqa: PLR0911, PLR0912
    """A layer in one direction, its weights not yet initialised (`Recurrence.initialise`)."""
    match settings:
        case LSTMSettings():
            return LSTM(input_size, hidden_size)
        case LSTMVariantSettings():
            return LSTMVariant(
                input_size,
                hidden_size,
                num_cells=settings.num_cells,
                peepholes=settings.peepholes,
                forget_gate=settings.forget_gate,
                layer_norm=settings.layer_norm,
            )
        case GRUSettings():
            return GRU(input_size, hidden_size)
        case ElmanSettings():
            return Elman(input_size, hidden_size, activation=settings.activation)
        case JordanSettings():
            return Jordan(
                input_size,
                hidden_size,
                num_fed_back=settings.num_fed_back,
                context_decay=settings.context_decay,
            )
        case FullyRecurrentSettings():
            return FullyRecurrent(
                input_size,
                hidden_size,
                num_units=settings.num_units(hidden_size),
                num_fed=settings.num_fed(hidden_size),
                ticks=settings.ticks,
            )
        case LiGRUSettings():
            return LiGRU(input_size, hidden_size, activation=settings.activation, stable=settings.stable)
        case MinGRUSettings():
            return MinGRU(input_size, hidden_size, positive_states=settings.positive_states)
        case MinLSTMSettings():
            return MinLSTM(input_size, hidden_size, positive_states=settings.positive_states)
        case RGLRUSettings():
            return RGLRU(input_size, hidden_size)
        case HGRNSettings():
            return HGRN(input_size, hidden_size)
        case SRUSettings():
            return SRU(input_size, hidden_size)
        case QRNNSettings():
            return QRNN(input_size, hidden_size, pooling=settings.pooling)
        case EchoStateSettings():
            return EchoState(
                input_size,
                hidden_size,
                spectral_radius=settings.spectral_radius,
                leak=settings.leak,
                input_scale=settings.input_scale,
            )


def make_bidirectional(settings: RecurrenceSettings, input_size: int, hidden_size: int) -> Bidirectional:
    """A layer in both directions, ready for training."""
    forward_cell, backward_cell = (make_recurrence(settings, input_size, hidden_size) for _ in range(2))
    for cell in (forward_cell, backward_cell):
        cell.initialise()
    return Bidirectional(forward_cell, backward_cell)
