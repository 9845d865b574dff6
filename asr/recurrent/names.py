"""Names of weights in files of older versions. Free of torch."""

import re
from collections.abc import Mapping
from typing import TypeVar

Array = TypeVar("Array")


def in_current_names(weights: Mapping[str, Array]) -> dict[str, Array]:
    """Weights of an acoustic model under today's names. Up to format 2 of the model folder, a layer had
    `recurrence` for `body`, and in it `ahead` and `back`.
    """
    today = {"ahead": "forward_cell", "back": "backward_cell"}
    return {
        re.sub(r"^(layers\.\d+)\.recurrence\.(ahead|back)\.", lambda m: f"{m[1]}.body.{today[m[2]]}.", name): value
        for name, value in weights.items()
    }
