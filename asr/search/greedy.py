"""Greedy search: the best path, repeats merged, blanks dropped (Graves et al. 2006, section 3.2)."""

import copy

import numpy as np
from jaxtyping import Bool, Float

from asr.ctc import BLANK_ID
from asr.search.hypothesis import Hypothesis, as_log_probs, check_log_probs


def greedy_search(log_probs: Float[np.ndarray, "frames vocab"]) -> Hypothesis:
    """The tokens of the likeliest path. Its score is the log-probability of that one path.

    Raises:
        SearchError: the rows are not log-probabilities.
    """
    stream = GreedyStream()
    stream.accept(log_probs)
    return stream.partial()


class GreedyStream:
    """`greedy_search` that goes on as frames come; how they are cut into pieces does not change the tokens."""

    def __init__(self) -> None:
        self._tokens: tuple[int, ...] = ()
        self._frames: tuple[int, ...] = ()
        self._num_frames, self._last, self._score = 0, BLANK_ID, 0.0

    def accept(self, log_probs: Float[np.ndarray, "frames vocab"]) -> None:
        """Go on over more frames.

        Raises:
            SearchError: the rows are not log-probabilities. What was accepted before is not lost.
        """
        log_probs = as_log_probs(log_probs)
        check_log_probs(log_probs)
        if not len(log_probs):
            return
        path = np.concatenate([[self._last], log_probs.argmax(axis=1)])
        frames = np.flatnonzero((path[1:] != path[:-1]) & (path[1:] != BLANK_ID))
        self._tokens += tuple(path[1:][frames].tolist())
        self._frames += tuple((frames + self._num_frames).tolist())
        self._num_frames, self._last = self._num_frames + len(log_probs), int(path[-1])
        self._score += float(log_probs.max(axis=1).sum(dtype=np.float64))

    def partial(self) -> Hypothesis:
        """The text so far. Later frames only add to it."""
        return Hypothesis(self._tokens, self._score, self._frames)

    def commit(self, num_tokens: int, may_follow: Bool[np.ndarray, "vocab"] | None = None) -> Hypothesis:
        """Return the first `num_tokens` tokens and forget them: what follows has only later ones. There is one text
        only, so none is dropped for what follows.
        """
        done = Hypothesis(self._tokens[:num_tokens], 0.0, self._frames[:num_tokens])
        self._tokens, self._frames = self._tokens[num_tokens:], self._frames[num_tokens:]
        return done

    def end_word(self, boundary: int) -> bool:
        """A word ends here: the text ends in the token `boundary` now, which takes no frame. Always possible."""
        if self._tokens[-1:] != (boundary,):
            self._tokens += (boundary,)
            self._frames += (self._num_frames,)
        self._last = boundary
        return True

    def drop_others(self) -> None:
        """Go on from `partial()` alone: as it always does."""

    def copy(self) -> "GreedyStream":
        """A search that goes on from here by itself; this one is not changed."""
        return copy.copy(self)

    def finish(self, num_best: int = 1) -> list[Hypothesis]:
        """The text if no more frames come; there is only one."""
        return [self.partial()][:num_best]
