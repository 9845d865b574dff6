"""The error tree. Every message says where, what was found, what was expected and what to do.

The command line prints the message in one line and exits with 2; it never shows a traceback for an `AsrError`.
From Python, catch `AsrError`, or one branch of it.
"""


class AsrError(Exception):
    """Base of every error that this package raises on purpose."""


class SettingsError(AsrError):
    """A settings file or a `--set` has an unknown key, a wrong type or a value out of range."""


class AudioError(AsrError):
    """A sound file cannot be used: missing, empty, not audio, truncated, or with samples that are not finite."""


class TruncatedAudioError(AudioError):
    """A sound file ends too early, or is damaged in the middle."""


class NotFiniteAudioError(AudioError):
    """A sound has samples that are NaN or infinite."""


class AsrWarning(UserWarning):
    """Base of every warning of this package; the command line prints it in one line."""


class ModelWarning(AsrWarning):
    """A model folder was read, but something is odd."""


class CompileWarning(AsrWarning):
    """What comes takes seconds, this once; the command line says it on a terminal only."""


class NoCacheWarning(AsrWarning):
    """Compiled code cannot be kept, so it is made again at each start."""


class AudioWarning(AsrWarning):
    """A sound file was read, but something is odd: channels that cancel each other, a stream without an end mark."""


class ManifestError(AsrError):
    """A manifest is broken: bad JSON, a missing key, a missing sound file."""


class CorpusError(AsrError):
    """A corpus, or its archive, is not what its recipe expects."""


class TokensError(AsrError):
    """Text cannot be written with the model's tokens, or a token model is broken."""


class SearchError(AsrError):
    """The input of the search is not log-probabilities, or its settings are out of range."""


class LanguageModelError(AsrError):
    """A language model is broken, does not fit the acoustic model, or cannot be estimated from the text."""


class ModelError(AsrError):
    """A model folder is incomplete, of another version, or its parts do not fit together."""


class DeviceError(AsrError):
    """A device, such as a GPU, is not there or cannot be used."""


class ExtraError(AsrError):
    """A package of an extra is not installed."""


class ScoringError(AsrError):
    """References and hypotheses cannot be compared."""


class TrainingError(AsrError):
    """Training cannot start or go on."""


class Interrupted(AsrError):
    """Ctrl-C was pressed, and the state was saved: the message says how to go on."""


class OutputError(AsrError):
    """A result could not be written, for example because the disk is full."""


def system_reason(error: OSError | ValueError) -> str:
    """The system's reason; an error without one, as of a library that cannot be loaded, in its own words."""
    words = error.strerror if isinstance(error, OSError) else None
    return words or str(error) or type(error).__name__
