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


class GRUSettings(Settings):
    """Gated recurrent units (Cho et al. 2014)."""

    kind: Literal["gru"]
    """Chooses this family."""

    def num_weights(self, input_size: int, hidden_size: int) -> int:
        """Of one layer in one direction."""
        return 3 * hidden_size * (input_size + hidden_size + 2)


RecurrenceSettings: TypeAlias = Annotated[LSTMSettings | GRUSettings, Field(discriminator="kind")]
