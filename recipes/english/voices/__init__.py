"""The voices of synthetic speech, one module each. Their packages are imported only when a voice is loaded.

| name | what | licence of program and voices |
|---|---|---|
| kokoro | Kokoro-82M, 28 English styles | Apache-2.0; int8 export MIT |
| hibari | hibari-tts, one voice made into many speakers | Apache-2.0 |
| pico | SVOX Pico, US and British | Apache-2.0 |
| flite | Flite's five US and Scottish voices | BSD-like (Carnegie Mellon) |
| festival | Festival's diphone voice "kal" | BSD-like (Edinburgh, Carnegie Mellon) |
"""

from collections.abc import Callable
from importlib import import_module
from typing import cast

from recipes.english.voices.speech import Voice

NAMES = ("kokoro", "hibari", "pico", "flite", "festival")


def load_voice(name: str) -> Voice:
    """The voice of that name.

    Raises:
        CorpusError: a package or program is not installed; says which.
    """
    return cast(Callable[[], Voice], import_module(f"recipes.english.voices.{name}").load)()
