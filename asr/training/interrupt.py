"""Ctrl-C (SIGINT) and SIGTERM: a training stops after the current step, with its state saved."""

import os
import signal
import time
from types import FrameType

_ECHO = 2.0  # seconds in which a second signal is an echo of the first: torchrun forwards those of the terminal


class StopRequest:
    """While it is entered, the first SIGINT sets `asked`; a second one ends the program at once.

    So does SIGTERM, with which batch systems announce the end. With several processes it ends each at once, as usual:
    it comes when another process has died, and without that one no step can be finished.
    """

    def __init__(self) -> None:
        self.asked = False
        self._since = 0.0
        self._before: dict[int, object] = {}

    def __enter__(self) -> "StopRequest":
        numbers = [signal.SIGINT] if os.environ.get("WORLD_SIZE", "1") != "1" else [signal.SIGINT, signal.SIGTERM]
        self._before = {number: signal.signal(number, self._ask) for number in numbers}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked and time.monotonic() - self._since > _ECHO:
            raise KeyboardInterrupt
        if not self.asked:
            self.asked, self._since = True, time.monotonic()
