"""The alignment of a hypothesis with its reference as HTML."""

from asr.html.elements import Html, element, text
from asr.scoring.alignment import WordPair
from asr.scoring.record import UtteranceScore

MARKS = {"S": "substitution", "D": "deletion", "I": "insertion"}


def aligned(utterance: UtteranceScore) -> Html:
    """Reference above hypothesis, word for word, with a letter below each error; lines break between words."""
    return element("div", *map(_word_pair, utterance.aligned_words()), class_="aligned")


def _word_pair(pair: WordPair) -> Html:
    reference, hypothesis = (
        element("span", text("·" if word is None else word)) for word in (pair.reference, pair.hypothesis)
    )
    if not pair.mark:
        return element("span", reference, hypothesis, class_="pair")
    mark = element("abbr", text(pair.mark), title=MARKS[pair.mark])
    return element("span", reference, hypothesis, mark, class_=f"pair {pair.mark}")
