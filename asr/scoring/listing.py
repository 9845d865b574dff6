"""Scores for people: a summary line, aligned texts for each utterance, one marked line while training."""

from collections.abc import Iterable, Iterator

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from asr.scoring.alignment import WordPair
from asr.scoring.record import Score, UtteranceScore

STYLES = {"S": "red", "D": "cyan", "I": "magenta", "": ""}


def summary_line(score: Score) -> str:
    """All rates in per cent, with the 95 % interval of the word error rate in square brackets."""
    errors, utterances = _errors_in_words(score), _counted(score.num_utterances, "utterance")
    if not score.num_words:
        return f"no WER: the references have no words ({errors}), {utterances}"
    return (
        f"WER {100 * score.wer:.2f} % [{100 * score.wer_low:.2f}, {100 * score.wer_high:.2f}] ({errors}), "
        f"CER {100 * score.cer:.2f} %, {utterances}, {100 * score.sentence_error_rate:.1f} % with an error"
    )


def aligned_listing(utterances: Iterable[UtteranceScore], *, width: int | None = None, color: bool = False) -> str:
    """Reference and hypothesis of each utterance below each other, word for word, with the errors marked.

        a-1: 2 errors in 4 words: 1 sub, 0 del, 1 ins
        REF: THE CAT SAT ** DOWN
        HYP: THE BAT SAT UP DOWN
                 S       I

    Asterisks mark a missing word (as in NIST's sclite); S, D and I below the columns mark a substitution, a deletion
    and an insertion. Lines are broken between words to fit into `width` columns, if given; `color` adds terminal
    colours.
    """
    return "\n".join(_block(utterance, width, color) for utterance in utterances)


def marked_line(utterance: UtteranceScore) -> Text:
    """The hypothesis in one line, readable with and without colours: `THE [CAT>BAT] SAT [+OH] [-DOWN]`.

    A substitution shows reference and hypothesis; a plus marks an insertion, a minus a deletion. `str()` gives the text
    without colours.
    """
    return Text(" ").join(Text(_bracketed(pair), style=STYLES[pair.mark]) for pair in utterance.aligned_words())


def _bracketed(pair: WordPair) -> str:
    match pair.mark:
        case "S":
            return f"[{pair.reference}>{pair.hypothesis}]"
        case "D":
            return f"[-{pair.reference}]"
        case "I":
            return f"[+{pair.hypothesis}]"
        case _:
            return f"{pair.hypothesis}"


def _block(utterance: UtteranceScore, width: int | None, color: bool) -> str:
    lines = [f"{utterance.id}: {_errors_in_words(utterance)}"]
    for columns in _rows(utterance.aligned_words(), width):
        lines.append("REF: " + " ".join(_cell(pair, pair.reference, color) for pair in columns))
        lines.append("HYP: " + " ".join(_cell(pair, pair.hypothesis, color) for pair in columns))
        if any(pair.mark for pair in columns):
            lines.append("     " + " ".join(_cell(pair, pair.mark, color) for pair in columns))
    return "".join(line.rstrip() + "\n" for line in lines)


def _rows(pairs: list[WordPair], width: int | None) -> Iterator[list[WordPair]]:
    """Break the columns of an alignment into rows that fit into `width`; there is always one row, perhaps empty."""
    row: list[WordPair] = []
    used = len("REF:")
    for pair in pairs:
        needed = 1 + _width(pair)
        if width is not None and row and used + needed > width:
            yield row
            row, used = [], len("REF:")
        row.append(pair)
        used += needed
    yield row


def _width(pair: WordPair) -> int:
    """Columns on the screen, where a Chinese character takes two and a combining accent none; at least the mark's."""
    return max(1, *(cell_len(word) for word in (pair.reference, pair.hypothesis) if word is not None))


def _cell(pair: WordPair, content: str | None, color: bool) -> str:
    text = "*" * _width(pair) if content is None else content
    padding = " " * (_width(pair) - cell_len(text))
    return (Style.parse(STYLES[pair.mark]).render(text) if color else text) + padding


def _errors_in_words(score: Score | UtteranceScore) -> str:
    return (
        f"{_counted(score.errors, 'error')} in {_counted(score.num_words, 'word')}: "
        f"{score.substitutions} sub, {score.deletions} del, {score.insertions} ins"
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
