"""Words of a recogniser -> words as they are printed: capitals, commas, full stops, question marks.

Only `Word.written` is set; what the recogniser found stays. Two rules stand above the network: a text ends with a full
stop or a question mark, and what follows one begins with a capital.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from asr.text.tagger import Tagger
from asr.text.tags import MARKS, SENTENCE_ENDS, cased
from asr.text.windows import TagStream
from asr.transcript import Segment, Transcript, Word

LONGEST_PAUSE = 1.0  # seconds; a longer one says no more
_ENDS = [MARKS.index(mark) for mark in SENTENCE_ENDS]


def restored(words: Sequence[Word], tagger: Tagger) -> tuple[Word, ...]:
    """The words of a whole text with `written`; the pauses between them count."""
    stream = RestoringStream(tagger)
    return (*stream.accept(words), *stream.finish())


def restored_transcript(transcript: Transcript, tagger: Tagger) -> Transcript:
    """A transcript whose words have `written`; all else stays."""
    words = iter(restored(transcript.words, tagger))
    segments = tuple(Segment(tuple(next(words) for _ in segment.words)) for segment in transcript.segments)
    return replace(transcript, segments=segments)


def restored_text(words: Sequence[str], tagger: Tagger) -> list[str]:
    """Words without times, as they are printed."""
    tags, writer = TagStream(tagger), _Writer(tagger)
    rows = np.concatenate([tags.accept(words), tags.finish()])
    last = len(words) - 1
    return [writer.write(word, row, None, at == last) for at, (word, row) in enumerate(zip(words, rows, strict=True))]


class RestoringStream:
    """The same while words come: each is written when the tagger's look-ahead has come (`TaggerSettings`), and then
    never changes. How the words come, one by one or all at once, does not matter.
    """

    def __init__(self, tagger: Tagger) -> None:
        self._tags, self._writer = TagStream(tagger), _Writer(tagger)
        self._waiting: deque[Word] = deque()

    def accept(self, words: Sequence[Word]) -> list[Word]:
        """The next words; those that are written by now."""
        self._waiting += words
        return list(self._written(self._tags.accept([word.text for word in words])))

    def finish(self) -> list[Word]:
        """There are no more words: the rest, written."""
        return list(self._written(self._tags.finish()))

    def _written(self, rows: Float32[ndarray, "decided 8"]) -> Iterator[Word]:
        for row in rows:
            word = self._waiting.popleft()
            is_last = not self._waiting
            pause = None if is_last else self._waiting[0].start - word.end
            yield replace(word, written=self._writer.write(word.text, row, pause, is_last))


class _Writer:
    """Decides word by word; remembers only whether a sentence begins."""

    def __init__(self, tagger: Tagger) -> None:
        self._settings, self._mixed = tagger.settings, tagger.mixed
        self._begins = True

    def write(self, text: str, row: Float32[ndarray, "8"], pause: float | None, is_last: bool) -> str:
        """`pause`: seconds of silence after the word, None if unknown."""
        scores = row[: len(MARKS)] + np.array(self._settings.mark_bonuses)
        if pause is not None:
            shown = min(max(0.0, pause), LONGEST_PAUSE) - self._settings.usual_pause
            scores[1:] += self._settings.pause_weight * shown
        mark = MARKS[max(_ENDS, key=scores.__getitem__) if is_last else int(scores.argmax())]
        word = cased(text, int(row[len(MARKS) :].argmax()), begins=self._begins, mixed=self._mixed)
        self._begins = mark in SENTENCE_ENDS
        return word + mark
