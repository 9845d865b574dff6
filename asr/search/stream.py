"""Streaming prefix beam search: takes frames piece by piece, and gives the best text so far."""

import copy
import math

import numpy as np
from jaxtyping import Bool, Float

from asr.errors import SearchError
from asr.search.fusion.fusion import no_fusion
from asr.search.fusion.tables import FusionTables
from asr.search.hypothesis import (
    Hypothesis,
    as_log_probs,
    check_log_probs,
    check_widths,
    is_distribution,
    tolerance,
)
from asr.search.kernel.commit import commit_tokens, end_word, keep_best
from asr.search.kernel.search import advance_search, best_so_far, finish_search
from asr.search.kernel.state import start_search, with_room

_PIECE = 512  # frames at once, for whose new prefixes room is made


class NoTextError(SearchError):
    """All texts were lost. Only a lexicon can cause it: without one, the likeliest path is always a text."""

    def __init__(self) -> None:
        super().__init__(
            "no text that the lexicon can spell has a probability above zero in the beam; allow other words too"
        )


class PrefixBeamStream:
    """A prefix beam search that goes on as frames come; how they are cut into pieces does not change the result.

    `beam_width`, `max_tokens`, `beam_threshold` and `fusion` are those of `prefix_beam_search`, `vocab_size` the number
    of tokens with the blank. Memory grows with the text, not with the frames.

    Raises:
        SearchError: a width below one, a threshold not above zero, a fusion for another number of tokens, or not enough
            memory.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        beam_width: int,
        max_tokens: int | None = None,
        beam_threshold: float = math.inf,
        fusion: FusionTables | None = None,
    ) -> None:
        check_widths(beam_width=beam_width, num_best=1, beam_threshold=beam_threshold)
        if vocab_size < 1:
            raise SearchError("log_probs has no tokens; expected the blank at least")
        tables = no_fusion(vocab_size) if fusion is None else fusion
        if vocab_size != (expected := len(tables.tokens.start) - 1):
            raise SearchError(f"log_probs has {vocab_size} tokens a frame, the fusion was made for {expected}")
        self._vocab_size = vocab_size
        try:
            self._state = start_search(
                tables,
                beam_width=beam_width,
                max_tokens=vocab_size if max_tokens is None else max(1, min(max_tokens, vocab_size)),
                min_ratio=math.exp(-beam_threshold),
            )
        except MemoryError:
            raise _too_wide(beam_width) from None

    def accept(self, log_probs: Float[np.ndarray, "frames vocab"]) -> None:
        """Go on over more frames, natural-log probabilities of any float type.

        Raises:
            SearchError: the rows are not log-probabilities of `vocab_size` tokens, or there is not memory enough. What
                was accepted before is not lost.
        """
        log_probs = as_log_probs(log_probs)
        if log_probs.shape[1] != self._vocab_size:
            raise SearchError(f"log_probs has {log_probs.shape[1]} tokens a frame, expected {self._vocab_size}")
        with np.errstate(over="ignore"):
            probs = np.exp(np.ascontiguousarray(log_probs, np.float64))
        if not is_distribution(probs, tolerance(float(np.finfo(log_probs.dtype).eps), self._vocab_size)):
            check_log_probs(log_probs)  # says what is wrong
        for first in range(0, len(probs), _PIECE):
            piece = probs[first : first + _PIECE]
            try:
                self._state = with_room(self._state, len(piece))
            except MemoryError:
                raise _too_wide(len(self._state.beams)) from None
            advance_search(self._state, piece)

    def partial(self) -> Hypothesis:
        """The best text so far, its last word perhaps not whole. Later frames may change any of it, and the end of the
        text is not scored yet.

        Raises:
            NoTextError: no text has been found that has a probability above zero.
        """
        if not self._state.progress["num_beams"][0]:
            raise NoTextError
        score, gain, tokens = best_so_far(self._state)
        return _hypothesis(score, gain, tokens)

    def commit(self, num_tokens: int, may_follow: Bool[np.ndarray, "vocab"] | None = None) -> Hypothesis:
        """Make the first `num_tokens` tokens of `partial()` final, and forget them: what follows has only later tokens.
        Texts that begin otherwise are dropped, and those that go on with a token that may not follow (None: any may;
        the blank stands for nothing). The best text must not be among them. The tokens are returned; scores of later
        results still count them.
        """
        allowed = np.ones(self._vocab_size, np.bool_) if may_follow is None else may_follow
        tokens, frames = commit_tokens(self._state, num_tokens, allowed).tolist()
        return Hypothesis(tuple(tokens), 0.0, tuple(frames))

    def end_word(self, boundary: int) -> bool:
        """A word ends here: texts that do not end in the token `boundary` get it, and it takes no frame. If no text may
        get it, since the lexicon has no word that ends so, nothing changes, and False is returned.
        """
        ended = self.copy()
        ended._state = with_room(ended._state, 1)
        end_word(ended._state, boundary)
        if not ended._state.progress["num_beams"][0]:
            return False
        self._state = ended._state
        return True

    def drop_others(self) -> None:
        """Go on from `partial()` alone. The chance of a word adds up over hours of frames in which nobody speaks, until
        it outweighs the silence; where nothing is said, this makes it final that nothing was.

        Raises:
            NoTextError: no text has been found that has a probability above zero.
        """
        if not self._state.progress["num_beams"][0]:
            raise NoTextError
        keep_best(self._state)

    def copy(self) -> "PrefixBeamStream":
        """A search that goes on from here by itself; this one is not changed."""
        other = copy.copy(self)
        own = {name: getattr(self._state, name).copy() for name in ("progress", "prefixes", "traces", "beams")}
        other._state = self._state._replace(**own)
        return other

    def finish(self, num_best: int = 1) -> list[Hypothesis]:
        """The best texts if no more frames come, best first; ties in the order of their tokens.

        Raises:
            SearchError: `num_best` is below one.
            NoTextError: no text has been found that has a probability above zero.
        """
        if num_best < 1:
            raise SearchError(f"num_best {num_best}; expected one or more")
        (scores, gains, lengths), tokens = finish_search(self._state)
        num_possible = int((scores > -math.inf).sum())
        if not num_possible:
            raise NoTextError
        ends = np.cumsum(lengths).astype(int)
        starts = ends - lengths.astype(int)
        order = np.argsort(-scores, kind="stable")
        least = scores[order[min(num_best, num_possible) - 1]]
        found = [
            _hypothesis(float(scores[k]), float(gains[k]), tokens[:, starts[k] : ends[k]])
            for k in order[scores[order] >= least]
        ]
        found.sort(key=lambda hypothesis: (-hypothesis.score, hypothesis.tokens))
        return found[:num_best]


def _too_wide(beam_width: int) -> SearchError:
    return SearchError(
        f"a beam of {beam_width} takes more memory than there is; search with a narrower beam, or cut the sound into "
        "parts"
    )


def _hypothesis(score: float, gain: float, tokens: np.ndarray) -> Hypothesis:
    acoustic = min(0.0, score - gain)  # rounding can bring log 1 above 0
    text, frames = tokens.tolist()
    return Hypothesis(tuple(text), acoustic + gain, tuple(frames), gain)
