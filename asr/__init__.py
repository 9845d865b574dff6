"""Train your own speech recogniser and understand all of it.

from asr import Recognizer
print(Recognizer.load("model").transcribe("a.wav").text)
"""

from typing import TYPE_CHECKING, Any

from asr.errors import AsrError

if TYPE_CHECKING:
    from asr.recognizer import Recognizer
    from asr.transcript import Transcript, Word

__all__ = ["AsrError", "Recognizer", "Transcript", "Word"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load what is asked for, and numba with it, only then: `import asr` and `asr --help` stay quick."""
    if name == "Recognizer":
        from asr.recognizer import Recognizer

        return Recognizer
    if name in ("Transcript", "Word"):
        from asr import transcript

        return getattr(transcript, name)
    raise AttributeError(f"module 'asr' has no attribute {name!r}")
