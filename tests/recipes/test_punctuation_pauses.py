"""The weight of a pause, found on read speech."""

from pathlib import Path

import numpy as np

from asr.corpus.manifest import Utterance
from asr.text.tags import LOWER, MARKS
from asr.transcript import Word
from recipes.english.punctuation_pauses import Reading, _found_in, most_likely
from tests.support.taggers import always


def utterance(text: str) -> Utterance:
    return Utterance(id=text[:5], audio_filepath=Path("a.wav"), duration=1.0, text=text)


def test_utterances_are_found_in_running_text_each_once() -> None:
    text = "So it began. One, two three four five six seven, eight nine ten. Eleven twelve? Thirteen"
    twice = f"{text} {text}".split()
    passage = "ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN ELEVEN TWELVE"
    other = passage.replace("TWELVE", "NINETEEN")
    found = list(_found_in([utterance(passage), utterance(other), utterance("ONE TWO")], twice))
    assert [(one.text, " ".join(words)) for one, words in found] == [
        (passage, "One, two three four five six seven, eight nine ten. Eleven twelve?")
    ]


def readings(weight: float, usual: float) -> list[Reading]:
    """Marks drawn by the model that is to be found: all are as likely but for the pause before the next word."""
    rng, made = np.random.default_rng(1), []
    for _ in range(30):
        now, said, printed = 0.0, [], []
        for _ in range(100):
            pause = float(rng.choice([0.0, 0.3, 0.6, 2.0]))
            scores = np.array([0.0, 0.0, 0.0, 0.0]) + weight * (min(pause, 1.0) - usual) * np.array([0, 1, 1, 1])
            mark = rng.choice(4, p=np.exp(scores) / np.exp(scores).sum())
            said.append(Word("A", now, now + 0.2, 1.0))
            printed.append("a" + MARKS[mark])
            now += 0.2 + pause
        made.append(Reading(printed, tuple(said)))
    return made


def test_the_weight_with_which_marks_were_drawn_is_found_again() -> None:
    tagger = always(0, LOWER)
    tagger.output_bias[:] = 0  # all marks as likely
    weight, usual = most_likely(tagger, readings(5.0, 0.2))
    assert abs(weight - 5.0) <= 0.5
    assert abs(usual - 0.2) <= 0.04
