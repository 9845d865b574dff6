"""What can be wrong with an utterance, how bad it is, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Severity(StrEnum):
    """An error stops or spoils a training; a warning needs a look."""

    ERROR = "error"
    WARNING = "warning"


class Repair(StrEnum):
    """What `--fix` does about it."""

    DROP = "leaves it out"
    CHANGE = "corrects it"
    NONE = "leaves it as it is"


class Kind(StrEnum):
    """Each thing that can be wrong."""

    BROKEN_LINE = "broken-line"
    DOUBLED_ID = "doubled-id"
    MISSING_SOUND = "missing-sound"
    UNREADABLE_SOUND = "unreadable-sound"
    TRUNCATED_SOUND = "truncated-sound"
    NOT_FINITE = "nan-samples"
    SILENT = "silent"
    WRONG_DURATION = "wrong-duration"
    TOO_LONG = "too-long"
    TOO_SHORT = "too-short-for-text"
    EMPTY_TEXT = "empty-text"
    OUTSIDE_ALPHABET = "outside-alphabet"
    BROKEN_CHARACTERS = "broken-characters"
    UNICODE_FORM = "unicode-form"
    NOT_IN_TRAINING = "not-in-training"
    SHIFTED_TEXTS = "shifted-texts"
    SOUND_OVERLAP = "sound-overlap"
    SPEAKER_OVERLAP = "speaker-overlap"
    TEXT_OVERLAP = "text-overlap"
    DUPLICATE_SOUND = "duplicate-sound"
    DUPLICATE_TEXT = "duplicate-text"
    WHITE_SPACE = "white-space"
    LINE_END = "crlf"
    NOT_SPEECH = "not-speech"
    MARKUP = "markup"
    INVISIBLE = "invisible-character"
    MIXED_SCRIPTS = "mixed-scripts"
    REPETITION = "repetition"
    OTHER_CASE = "other-case"
    RARE_CHARACTER = "rare-character"
    SPEAKING_RATE = "speaking-rate"
    MIXED_RATES = "mixed-sample-rates"
    LOW_RATE = "low-sample-rate"
    NARROW_BAND = "narrow-band"
    NOISE = "noise-only"
    DEAD_CHANNEL = "dead-channel"
    LONG_SILENCE = "long-silence"
    DROPOUTS = "dropouts"
    QUIET = "nearly-silent"
    CLIPPED = "clipped"
    DC_OFFSET = "dc-offset"
    DOUBTFUL = "doubtful-sound"


@dataclass(frozen=True, slots=True)
class Remedy:
    """How bad a kind of finding is, what `--fix` does about it, and what a person can do."""

    severity: Severity
    repair: Repair
    advice: str


_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
_DROP, _CHANGE, _NONE = Repair.DROP, Repair.CHANGE, Repair.NONE

REMEDIES: Mapping[Kind, Remedy] = MappingProxyType(
    {
        Kind.BROKEN_LINE: Remedy(_ERROR, _DROP, "write the line again"),
        Kind.DOUBLED_ID: Remedy(_ERROR, _CHANGE, 'give each utterance its own "id"'),
        Kind.MISSING_SOUND: Remedy(_ERROR, _DROP, "copy the file there, or correct audio_filepath"),
        Kind.UNREADABLE_SOUND: Remedy(_ERROR, _DROP, "get the file again, or convert it to wav or flac"),
        Kind.TRUNCATED_SOUND: Remedy(_ERROR, _DROP, "get the whole file"),
        Kind.NOT_FINITE: Remedy(_ERROR, _DROP, "export the file again"),
        Kind.SILENT: Remedy(_ERROR, _DROP, "record it again, or choose the channel that has the voice"),
        Kind.WRONG_DURATION: Remedy(_ERROR, _CHANGE, "correct the duration"),
        Kind.TOO_LONG: Remedy(_ERROR, _DROP, "cut it into sentences"),
        Kind.TOO_SHORT: Remedy(_ERROR, _DROP, "compare text and sound; lower model.subsampling if they agree"),
        Kind.EMPTY_TEXT: Remedy(_ERROR, _DROP, "write down what is said"),
        Kind.OUTSIDE_ALPHABET: Remedy(_ERROR, _DROP, "write the text in the letters that the model knows"),
        Kind.BROKEN_CHARACTERS: Remedy(_ERROR, _DROP, "read the texts again in the encoding that they are in"),
        Kind.UNICODE_FORM: Remedy(_ERROR, _CHANGE, "normalise the text to NFC: one letter must not have two spellings"),
        Kind.NOT_IN_TRAINING: Remedy(_ERROR, _NONE, "train on text that has it, or change the text of that manifest"),
        Kind.SHIFTED_TEXTS: Remedy(_ERROR, _NONE, "listen: a line too many or too few has shifted the texts"),
        Kind.SOUND_OVERLAP: Remedy(_ERROR, _DROP, "take it out of one of the two manifests"),
        Kind.SPEAKER_OVERLAP: Remedy(_WARNING, _NONE, "split by speaker: results on known voices are too good"),
        Kind.TEXT_OVERLAP: Remedy(_WARNING, _NONE, "results on known sentences are too good"),
        Kind.DUPLICATE_SOUND: Remedy(_WARNING, _NONE, "keep one of them, with the text that is right"),
        Kind.DUPLICATE_TEXT: Remedy(_WARNING, _NONE, "no harm if each was spoken anew"),
        Kind.WHITE_SPACE: Remedy(_WARNING, _CHANGE, "put one plain space between words"),
        Kind.LINE_END: Remedy(_WARNING, _CHANGE, "end lines in a line feed alone"),
        Kind.NOT_SPEECH: Remedy(_WARNING, _NONE, "write down what is said, or leave the utterance out"),
        Kind.MARKUP: Remedy(_WARNING, _NONE, "take marks and tags out: they are no part of what is said"),
        Kind.INVISIBLE: Remedy(_WARNING, _NONE, "take it out: it makes two words of one that look the same"),
        Kind.MIXED_SCRIPTS: Remedy(
            _WARNING, _NONE, "write it in one alphabet: letters that look alike are not the same"
        ),
        Kind.REPETITION: Remedy(_WARNING, _NONE, "listen: recognisers that have lost their way write such texts"),
        Kind.OTHER_CASE: Remedy(_WARNING, _NONE, "write all texts in one case: a letter must not have two forms"),
        Kind.RARE_CHARACTER: Remedy(_WARNING, _NONE, "write it out in letters, or take it out: too rare to be learnt"),
        Kind.SPEAKING_RATE: Remedy(_WARNING, _NONE, "listen: text and sound may not belong together"),
        Kind.MIXED_RATES: Remedy(_WARNING, _NONE, "find out why: other rates often come with other microphones"),
        Kind.LOW_RATE: Remedy(_WARNING, _NONE, "get it at 16 kHz or more if you can: the high tones are missing"),
        Kind.NARROW_BAND: Remedy(_WARNING, _NONE, "get the original: a higher rate brings no high tones back"),
        Kind.NOISE: Remedy(_WARNING, _NONE, "listen: there is no speech in it"),
        Kind.DEAD_CHANNEL: Remedy(_WARNING, _NONE, 'choose the channel that has the voice by "channel_selector"'),
        Kind.LONG_SILENCE: Remedy(_WARNING, _NONE, "listen: a part of the text may be missing; cut the silence off"),
        Kind.DROPOUTS: Remedy(_WARNING, _NONE, "record it again: sounds are missing in it"),
        Kind.QUIET: Remedy(_WARNING, _NONE, "listen: there may be no voice in it"),
        Kind.CLIPPED: Remedy(_WARNING, _NONE, "record with less gain: the peaks are cut off"),
        Kind.DOUBTFUL: Remedy(_WARNING, _NONE, "listen; export it again, or name a channel in channel_selector"),
        Kind.DC_OFFSET: Remedy(_WARNING, _NONE, "take the mean off, or repair the recorder"),
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong, with an utterance or (`utterance` None, `line` 0) with the manifest as a whole."""

    kind: Kind
    utterance: str | None
    line: int
    detail: str

    @property
    def severity(self) -> Severity:
        return REMEDIES[self.kind].severity

    def to_json(self) -> dict[str, str | int | None]:
        """Plain values, with the severity and what to do."""
        remedy = REMEDIES[self.kind]
        return {
            "kind": self.kind.value,
            "severity": remedy.severity.value,
            "utterance": self.utterance,
            "line": self.line,
            "detail": self.detail,
            "fix": remedy.advice,
        }
