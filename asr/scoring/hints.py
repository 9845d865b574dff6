"""Hints why an error rate may mislead: texts written in different ways, and lines with more than text.

They do not change the score; they are sentences for people.
"""

import unicodedata
from collections.abc import Callable, Iterable, Sequence

from rapidfuzz.distance import Levenshtein

from asr.scoring.record import Score, UtteranceScore

_LEAST_SHARE = 0.2  # of all errors that a difference of writing has to explain to be named


def _without_punctuation(text: str) -> str:
    return "".join(character for character in text if not unicodedata.category(character).startswith("P"))


_WRITINGS: dict[str, Callable[[str], str]] = {
    "letter case": str.casefold,
    "punctuation": _without_punctuation,
}


def hints(score: Score) -> list[str]:
    """What makes a score better or worse than the recogniser, and what to do about it; a sentence each."""
    references = [utterance.reference for utterance in score.utterances]
    hypotheses = [utterance.hypothesis for utterance in score.utterances]
    return [*_writing_hints(score), *_name_hints(references, hypotheses)]


def _writing_hints(score: Score) -> list[str]:
    """If at least a fifth of the errors are differences of writing: which ones, and the rate without them."""
    enough = max(1.0, _LEAST_SHARE * score.errors)
    least, _ = _errors(score.utterances, _WRITINGS)
    if score.errors - least < enough:
        return []
    # A difference is named if all the others together explain much less without it.
    others = {name: [other for other in _WRITINGS if other != name] for name in _WRITINGS}
    named = [name for name in _WRITINGS if _errors(score.utterances, others[name])[0] - least >= enough]
    named = named or list(_WRITINGS)
    errors, num_words = _errors(score.utterances, named)
    rate = f"; the word error rate would be {100 * errors / num_words:.2f} % without it" if num_words else ""
    example = _example(score.utterances, named)
    return [
        f"references and hypotheses differ in {' and '.join(named)}{example}, which counts as errors{rate}. Write the "
        "references as the recogniser's training texts are written"
    ]


def _name_hints(references: Sequence[str], hypotheses: Sequence[str]) -> list[str]:
    """Whether the lines of both contain the utterance's name, which then always counts as a right word."""
    for place, words in (("begins", slice(0, 1)), ("ends", slice(-1, None))):
        names = ["".join(text.split()[words]) for text in references]
        same = names == ["".join(text.split()[words]) for text in hypotheses]
        if same and len(set(names)) == len(names) > 1 and all(map(_is_name, names)):
            return [
                f"each text {place} with a word like {names[0]!r}, in references and hypotheses alike: if that is the "
                "name of the utterance, it is counted as a right word; take it out of both"
            ]
    return []


def _is_name(word: str) -> bool:
    return any(character.isdigit() for character in word) and any(not character.isdigit() for character in word)


def _fold(text: str, writings: Iterable[str]) -> str:
    for name in writings:
        text = _WRITINGS[name](text)
    return text


def _errors(utterances: Sequence[UtteranceScore], writings: Iterable[str]) -> tuple[int, int]:
    """Wrong words and reference words, ignoring differences of `writings`."""
    writings, errors, num_words = list(writings), 0, 0
    for utterance in utterances:
        reference = _fold(utterance.reference, writings).split()
        errors += Levenshtein.distance(reference, _fold(utterance.hypothesis, writings).split())
        num_words += len(reference)
    return errors, num_words


def _example(utterances: Sequence[UtteranceScore], writings: Sequence[str]) -> str:
    for utterance in utterances:
        heard = {_fold(word, writings): word for word in utterance.hypothesis.split()}
        for word in utterance.reference.split():
            if heard.get(_fold(word, writings), word) != word:
                return f" ({word!r}, {heard[_fold(word, writings)]!r})"
    return ""
