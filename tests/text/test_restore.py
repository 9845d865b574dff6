"""Words -> printed words: the rules above the network, pauses, streams."""

from itertools import pairwise

import pytest

from asr.text.restore import RestoringStream, restored, restored_text
from asr.text.tagger import TaggerSettings
from asr.text.tags import CAPITAL, LOWER, MARKS, UPPER
from asr.transcript import Word
from tests.support.taggers import WORDS, always, random_tagger

NONE, COMMA, STOP, QUESTION = range(4)


def words_with_pauses(text: str, pauses: dict[int, float]) -> list[Word]:
    """Each word lasts half a second; `pauses`: seconds after word number n."""
    words, now = [], 0.0
    for number, word in enumerate(text.split()):
        words.append(Word(word, now, now + 0.5, 0.9))
        now += 0.5 + pauses.get(number, 0.0)
    return words


def written(words: tuple[Word, ...]) -> str:
    return " ".join(str(word.written) for word in words)


@pytest.mark.parametrize(
    ("mark", "case", "expected"),
    [
        (NONE, LOWER, "One two I three."),
        (COMMA, LOWER, "One, two, I, three."),
        (STOP, LOWER, "One. Two. I. Three."),
        (QUESTION, LOWER, "One? Two? I? Three?"),
        (NONE, CAPITAL, "One Two I Three."),
        (NONE, UPPER, "ONE TWO I THREE."),
    ],
)
def test_a_text_begins_with_a_capital_and_ends_a_sentence(mark: int, case: int, expected: str) -> None:
    words = words_with_pauses("ONE TWO I THREE", {})
    assert written(restored(words, always(mark, case))) == expected
    assert restored_text([word.text for word in words], always(mark, case)) == expected.split()


def test_what_was_recognised_stays() -> None:
    words = words_with_pauses("ONE TWO", {0: 0.3})
    found = restored(words, always(STOP, LOWER))
    kept = [(word.text, word.start, word.end, word.confidence) for word in words]
    assert [(word.text, word.start, word.end, word.confidence) for word in found] == kept


def test_an_empty_text_stays_empty() -> None:
    assert restored([], random_tagger()) == ()
    assert restored_text([], random_tagger()) == []


@pytest.mark.parametrize(
    ("pause", "expected"),
    [
        (0.0, "One two."),  # no mark leads by 1 nat
        (0.59, "One two."),  # 2 nats a second beyond 0.1 s: 0.98
        (0.61, "One, two."),  # 1.02: all marks are as likely, the first is taken
        (50.0, "One, two."),
    ],
)
def test_a_pause_speaks_for_a_mark(pause: float, expected: str) -> None:
    settings = TaggerSettings(left=6, step=3, right=4, pause_weight=2.0, usual_pause=0.1)
    assert (
        written(restored(words_with_pauses("ONE TWO", {0: pause}), always(NONE, LOWER, settings=settings))) == expected
    )


def test_words_without_a_pause_speak_against_one() -> None:
    settings = TaggerSettings(left=6, step=3, right=4, pause_weight=10.0, usual_pause=0.11)
    tagger = always(COMMA, LOWER, settings=settings)
    assert written(restored(words_with_pauses("ONE TWO THREE", {0: 0.5}), tagger)) == "One, two three."
    assert restored_text(["ONE", "TWO", "THREE"], tagger) == ["One,", "two,", "three."]  # no times are at hand


def test_bonuses_of_marks_count() -> None:
    settings = TaggerSettings(left=6, step=3, right=4, mark_bonuses=(0.0, 0.0, 1.1, 0.0))
    assert restored_text(["ONE", "TWO"], always(NONE, LOWER, settings=settings)) == ["One.", "Two."]


def test_a_stream_writes_what_the_whole_text_does() -> None:
    tagger = random_tagger(4)
    words = words_with_pauses(" ".join(WORDS * 5), {3: 0.4, 20: 1.2})
    whole = restored(words, tagger)
    assert len({word.written[-1] for word in whole if word.written} & set(MARKS[1:])) >= 2  # the network says something
    for size in (1, 7):
        stream = RestoringStream(tagger)
        pieces = [stream.accept(words[at : at + size]) for at in range(0, len(words), size)]
        assert (*(word for piece in pieces for word in piece), *stream.finish()) == whole


def test_the_first_word_of_every_sentence_has_a_capital() -> None:
    for seed in range(3):
        text = restored_text([word.upper() for word in WORDS * 6], random_tagger(seed))
        assert all(after[0].isupper() for word, after in pairwise(["x.", *text]) if word[-1] in ".?")
