"""What each family remembers between two frames, as the graph for streams takes and gives it."""

from collections.abc import Mapping

from asr.model_settings import ModelSettings
from asr.recurrent.settings import (
    FullyRecurrentSettings,
    JordanSettings,
    LSTMSettings,
    LSTMVariantSettings,
    QRNNSettings,
)


def state_sizes(settings: ModelSettings) -> Mapping[str, int]:
    """The parts of the state of one layer in one direction, and the numbers in each; in the order of the family."""
    match settings.recurrence:
        case LSTMSettings():
            return {"hidden": settings.hidden_size, "cells": settings.hidden_size}
        case LSTMVariantSettings() as recurrence:
            cells = recurrence.num_cells or settings.hidden_size
            return {"hidden": cells, "cells": cells}
        case JordanSettings() as recurrence:
            return {"context": recurrence.num_fed_back}
        case FullyRecurrentSettings() as recurrence:
            return {"hidden": recurrence.num_units(settings.hidden_size)}
        case QRNNSettings():
            return {"cells": settings.hidden_size, "inputs": 2 * settings.hidden_size}
        case _:
            return {"hidden": settings.hidden_size}


def start_value(part: str, size: int) -> float:
    """What each number of a part of the state is before the first frame."""
    return 1 / size if part == "context" else 0.0
