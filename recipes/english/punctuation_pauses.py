"""Stage pauses of `recipes/english/punctuation.py`: what a pause says about a mark, found on read speech.

Where an utterance of a manifest is a passage of one of the books, its marks are known; the times of its words come from
forced alignment. The weight of a pause, and the pause that says nothing, are those that make the marks likeliest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asr.corpus.manifest import Utterance, read_manifest
from asr.errors import AudioError, CorpusError
from asr.files import atomic_path
from asr.recognizer import Recognizer
from asr.text.restore import LONGEST_PAUSE, restored
from asr.text.tagger import Tagger
from asr.text.tagger_file import tagger_from_file, tagger_to_bytes
from asr.text.tags import MARKS
from asr.text.windows import TagStream
from asr.transcript import Word
from recipes.english.mark_scores import score_marks, to_percent
from recipes.english.punctuation_data import read_running_text
from recipes.english.tagged_text import without_marks
from recipes.english.tagger_training import TAGGER
from recipes.stages import say

_KEY_WORDS, _FEWEST_WORDS = 8, 12
_WEIGHTS = tuple(round(0.5 * step, 1) for step in range(41))  # natural log a second
_USUAL_PAUSES = tuple(round(0.02 * step, 2) for step in range(16))  # seconds


@dataclass(frozen=True, slots=True)
class Reading:
    """Words as they are printed, and as they are said."""

    printed: list[str]
    said: tuple[Word, ...]

    @property
    def pauses(self) -> npt.NDArray[np.float64]:
        """Seconds after each word but the last, as far as they count."""
        starts, ends = np.array([word.start for word in self.said]), np.array([word.end for word in self.said])
        pauses: npt.NDArray[np.float64] = np.clip(starts[1:] - ends[:-1], 0, LONGEST_PAUSE)
        return pauses


def choose_pause_weight(data: Path, run: Path, model: Path, manifest: Path) -> None:
    """Put the best weight into the tagger of a run, and say what it does to F1.

    Raises:
        CorpusError: too few utterances of the manifest are passages of the books.
        ManifestError, ModelError: the manifest or the model cannot be read.
    """
    tagger = tagger_from_file(run / TAGGER)
    readings = list(_readings(Recognizer.load(model), manifest, read_running_text(data / "train.txt")))
    if len(readings) < 20:
        raise CorpusError(f"{manifest}: only {len(readings)} utterances are passages of the books; expected 20 or more")
    weight, usual = most_likely(tagger, readings)
    settings = tagger.settings.model_copy(update={"pause_weight": weight, "usual_pause": usual})
    better = replace(tagger, settings=settings)
    with atomic_path(run / TAGGER) as temporary:
        temporary.write_bytes(tagger_to_bytes(better))
    say("pauses", f"{len(readings)} utterances: a second of pause counts {weight}, a usual one lasts {usual} s")
    silent = replace(tagger, settings=tagger.settings.model_copy(update={"pause_weight": 0.0}))
    for name, one in {"without": silent, "with": better}.items():
        found = [[str(word.written) for word in restored(reading.said, one)] for reading in readings]
        inner = [(reading.printed[:-1], words[:-1]) for reading, words in zip(readings, found, strict=True)]
        scores = score_marks([w for printed, _ in inner for w in printed], [w for _, words in inner for w in words])
        say("pauses", f"{name} pauses, all words but the last: {to_percent(scores)}")


def most_likely(tagger: Tagger, readings: Sequence[Reading]) -> tuple[float, float]:
    """The weight of a pause and the usual pause with which the marks after all words but the last are likeliest."""
    rows, marks, pauses = [], [], []
    for reading in readings:
        stream, words = TagStream(tagger), without_marks(reading.printed)
        rows.append(np.concatenate([stream.accept(words), stream.finish()])[:-1, : len(MARKS)])
        marks += [MARKS.index(word[-1]) if word[-1] in MARKS else 0 for word in reading.printed[:-1]]
        pauses.append(reading.pauses)
    scores, wanted, seconds = np.concatenate(rows).astype(float), np.array(marks), np.concatenate(pauses)

    def log_likelihood(choice: tuple[float, float]) -> float:
        weight, usual = choice
        shifted = scores.copy()
        shifted[:, 1:] += weight * (seconds - usual)[:, None]
        total = np.log(np.exp(shifted).sum(axis=1))
        return float((shifted[np.arange(len(wanted)), wanted] - total).sum())

    return max(((weight, usual) for weight in _WEIGHTS for usual in _USUAL_PAUSES), key=log_likelihood)


def _readings(recognizer: Recognizer, manifest: Path, text: Sequence[str]) -> Iterator[Reading]:
    for utterance, printed in _found_in(read_manifest(manifest), text):
        try:
            said = recognizer.align(utterance.audio_filepath, utterance.text).words
        except AudioError as error:
            say("pauses", f"left out: {error}")
            continue
        yield Reading(printed, said)


def _found_in(utterances: Sequence[Utterance], text: Sequence[str]) -> Iterator[tuple[Utterance, list[str]]]:
    """Utterances of some length that are passages of a tagged text, each once, with the passage."""
    waiting: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        words = utterance.text.split()
        if len(words) >= _FEWEST_WORDS:
            waiting.setdefault(" ".join(words[:_KEY_WORDS]), []).append(utterance)
    starts = {key.split()[0] for key in waiting}
    plain = without_marks(text)
    for at, word in enumerate(plain):
        if word not in starts:
            continue
        for utterance in waiting.get(" ".join(plain[at : at + _KEY_WORDS]), []):
            length = len(utterance.text.split())
            if plain[at : at + length] == utterance.text.split():
                yield utterance, list(text[at : at + length])
                waiting[" ".join(plain[at : at + _KEY_WORDS])].remove(utterance)
                break
