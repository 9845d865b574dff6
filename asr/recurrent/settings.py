"""The recurrence of the layers: one class of settings per family, distinguished by `kind`. Free of torch."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from asr.settings import Settings


class LSTMSettings(Settings):
    """Long short-term memory (Hochreiter & Schmidhuber 1997), with forget gates (Gers et al. 2000)."""

    kind: Literal["lstm"] = "lstm"
    """Chooses this family."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        return 4 * hidden_size * (input_size + hidden_size + 2)


class LSTMVariantSettings(Settings):
    """Variants of the LSTM, alone or together; the weights have other names than those of `lstm`."""

    kind: Literal["lstm_variant"]
    """Chooses this family."""
    peepholes: bool = True
    """Of lstm_variant: gates see the cells (Gers & Schmidhuber 2000)."""
    forget_gate: Literal["own", "coupled", "none"] = "own"
    """Of lstm_variant: coupled: 1 less the input gate (Greff et al. 2015); none: as in 1997, cells grow."""
    num_cells: int | None = Field(None, ge=1, le=16_384)
    """Of lstm_variant: more cells than outputs, which are a projection of them (Sak et al. 2014); none: as many."""
    layer_norm: bool = False
    """Of lstm_variant: layer norm of products with input and feedback, and of cells (Ba et al. 2016); slower."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        cells, gates = self.num_cells or hidden_size, 4 if self.forget_gate == "own" else 3
        found = gates * cells * (input_size + hidden_size + 1)
        found += (gates - 1) * cells if self.peepholes else 0
        found += cells * hidden_size if self.num_cells else 0
        return found + (2 * gates * cells + 2 * cells if self.layer_norm else 0)


class GRUSettings(Settings):
    """Gated recurrent units (Cho et al. 2014)."""

    kind: Literal["gru"]
    """Chooses this family."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        return 3 * hidden_size * (input_size + hidden_size + 2)


class ElmanSettings(Settings):
    """Simple recurrent network (Elman 1990): no gates, so gradients vanish."""

    kind: Literal["elman"]
    """Chooses this family."""
    activation: Literal["tanh", "relu"] = "tanh"
    """Of elman: its function; relu is cut at 20 (Hannun et al. 2014)."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        return hidden_size * (input_size + hidden_size + 1)


class JordanSettings(Settings):
    """Jordan's network (1986): its outputs are fed back, not its hidden units."""

    kind: Literal["jordan"]
    """Chooses this family."""
    num_fed_back: int = Field(32, ge=2, le=16_384)
    """Of jordan: how many outputs there are, as a distribution over them; they carry all of the memory."""
    context_decay: float = Field(0.9, ge=0, lt=1)
    """Of jordan: share of the context that stays from frame to frame; 0 feeds back the last output alone."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        return hidden_size * (input_size + 1 + 2 * self.num_fed_back) + self.num_fed_back


class FullyRecurrentSettings(Settings):
    """Fully recurrent network (Williams & Zipser 1989): some units see the input, others are read."""

    kind: Literal["fully_recurrent"]
    """Chooses this family."""
    units_per_output: int = Field(2, ge=1, le=16)
    """Of fully_recurrent: units there are for each output; the last ones are the outputs."""
    fed_share: float = Field(0.5, gt=0, le=1)
    """Of fully_recurrent: share of the units, the first ones, that see the input."""
    ticks: int = Field(2, ge=1, le=16)
    """Of fully_recurrent: steps for each frame, the last of which is read."""

    def num_units(self, hidden_size: int) -> int:
        """All of them."""
        return self.units_per_output * hidden_size

    def num_fed(self, hidden_size: int) -> int:
        """Units that see the input."""
        return max(1, round(self.fed_share * self.num_units(hidden_size)))

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        units = self.num_units(hidden_size)
        return self.num_fed(hidden_size) * input_size + units * (units + 1)


class LiGRUSettings(Settings):
    """Light gated recurrent units (Ravanelli et al. 2018), made for speech: a GRU without reset gate."""

    kind: Literal["ligru"]
    """Chooses this family."""
    activation: Literal["relu", "tanh"] = "relu"
    """Of ligru: the function of its candidate."""
    stable: bool = False
    """Of ligru: layer norm of what is fed back (Moumen & Parcollet 2023), for long sounds; slower."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        return 2 * hidden_size * (input_size + hidden_size + 2)


class MinGRUSettings(Settings):
    """minGRU (Feng et al. 2024): a GRU whose gate sees the frame alone; parallel over time."""

    kind: Literal["mingru"]
    """Chooses this family."""
    positive_states: bool = False
    """Of minGRU: candidates above zero, as in the paper's form in logarithms: another network, of other weights."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        return 2 * hidden_size * (input_size + 1)


class MinLSTMSettings(Settings):
    """minLSTM (Feng et al. 2024): an LSTM whose gates see the frame alone; parallel over time."""

    kind: Literal["minlstm"]
    """Chooses this family."""
    positive_states: bool = False
    """Of minLSTM: candidates above zero, as in the paper's form in logarithms: another network, of other weights."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        return 3 * hidden_size * (input_size + 1)


class RGLRUSettings(Settings):
    """Real-gated linear recurrent unit (De et al. 2024); parallel over time."""

    kind: Literal["rglru"]
    """Chooses this family."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        projection = 0 if input_size == hidden_size else input_size * hidden_size
        return projection + 2 * hidden_size * (hidden_size + 1) + hidden_size


class HGRNSettings(Settings):
    """Hierarchically gated recurrent network (Qin et al. 2023); parallel over time."""

    kind: Literal["hgrn"]
    """Chooses this family."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        return 3 * hidden_size * (input_size + 1) + hidden_size


class SRUSettings(Settings):
    """Simple recurrent units (Lei et al. 2018): a cell sees no other cell, so only products of all frames are left."""

    kind: Literal["sru"]
    """Chooses this family."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        projection = 0 if input_size == hidden_size else input_size * hidden_size
        return projection + 3 * hidden_size * input_size + 4 * hidden_size


class QRNNSettings(Settings):
    """Quasi-recurrent network (Bradbury et al. 2017): gates see two frames; parallel over time."""

    kind: Literal["qrnn"]
    """Chooses this family."""
    pooling: Literal["fo", "ifo"] = "fo"
    """Of qrnn: its gates, forget and output, or input too."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        return (1 + len(self.pooling)) * hidden_size * (2 * input_size + 1)


class EchoStateSettings(Settings):
    """Echo state network (Jaeger 2001): a random reservoir that is not trained, only what follows it is."""

    kind: Literal["echo_state"]
    """Chooses this family."""
    spectral_radius: float = Field(0.9, gt=0, le=2)
    """Of echo_state: largest absolute value of an eigenvalue of the reservoir; the larger, the longer its echoes."""
    leak: float = Field(0.8, gt=0, le=1)
    """Of echo_state: share of a unit that is new at each frame."""
    input_scale: float = Field(0.7, gt=0, le=100)
    """Of echo_state: standard deviation of what the input adds to a unit."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction, trained: none."""
        return 0

    def num_fixed(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction, drawn and stored."""
        return hidden_size * (min(10, input_size) + min(10, hidden_size) + 1)


RecurrenceSettings: TypeAlias = Annotated[
    LSTMSettings
    | LSTMVariantSettings
    | GRUSettings
    | ElmanSettings
    | JordanSettings
    | FullyRecurrentSettings
    | LiGRUSettings
    | MinGRUSettings
    | MinLSTMSettings
    | RGLRUSettings
    | HGRNSettings
    | SRUSettings
    | QRNNSettings
    | EchoStateSettings,
    Field(discriminator="kind"),
]
