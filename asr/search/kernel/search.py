"""The inner loop of prefix beam search, for one utterance on one core (Graves 2012, 7.5.3; Hannun et al. 2014).

It works in probabilities, not logarithms: all weights of a frame are divided by the best one, whose logarithm is summed
separately, so that a frame costs multiplications and no `exp`. Prefixes more than 600 nats below the best are lost.

Every prefix that was ever in the beam is a node of a tree, once. So a prefix finds the one it grew from in one step,
and the paths that arrive from there are added to it without a table of prefixes. A candidate is evaluated only if an
upper bound of its weight reaches that of the worst prefix that is sure to stay: as CTC outputs are peaked, that is a
few per frame.

Call `start_search` (in `state.py`), then `advance_search` for each piece of frames, then `finish_search`.
"""

import numpy as np

from asr.compiled import kernel, part
from asr.search.fusion.step import finish
from asr.search.fusion.tables import LEXICON
from asr.search.kernel.beams import keep_prefixes, replace_beams, select
from asr.search.kernel.candidates import count_ties, extend, likely_tokens, set_bounds, sort_beams, start_heap
from asr.search.kernel.state import SearchState, fusion_state


@kernel
def advance_search(state: SearchState, probs: np.ndarray) -> None:
    """Go on over more frames: probabilities (frames, vocab), float64. The state has room for them (`with_room`)."""
    progress = state.progress[0]
    for frame in range(len(probs)):
        row = probs[frame]
        if progress.num_beams == 0:
            break
        keep_prefixes(state, row)
        least = start_heap(state)
        num_tokens = likely_tokens(row, least / set_bounds(state), state.tokens)
        sort_beams(state.beams, progress.num_beams, state.order)
        num_candidates, least = extend(state, row, num_tokens, least)
        least, num_ties = count_ties(state, num_candidates, least)
        replace_beams(state, select(state, row, num_candidates, least, num_ties))
        progress.num_frames += 1


@kernel
def finish_search(state: SearchState) -> tuple[np.ndarray, np.ndarray]:
    """The texts of the beam as if no more frames came, in no order. Changes nothing.

    Returns, for each, score, fusion's share of it (natural logs) and number of tokens, as (3, texts); and all tokens
    and their start frames, as (2, tokens).
    """
    results = np.empty((3, state.progress[0].num_beams))
    tokens = np.empty((2, _end(state, results)), np.int32)
    end = 0
    for k in range(results.shape[1]):
        start, end = end, end + int(results[2, k])
        _trace_back(state, k, tokens[:, start:end])
    return results, tokens


@kernel
def best_so_far(state: SearchState) -> tuple[float, float, np.ndarray]:
    """Score, fusion's share of it, and (2, tokens) of the best prefix, before the end of the text is scored."""
    best, beams = 0, state.beams
    for k in range(state.progress[0].num_beams):
        if beams[k].blank + beams[k].last > beams[best].blank + beams[best].last:
            best = k
    prefix = state.prefixes[beams[best].prefix]
    tokens = np.empty((2, prefix.length), np.int32)
    _trace_back(state, best, tokens)
    return _score(state, best), prefix.total_gain + prefix.beyond_factors, tokens


@part
def _score(state: SearchState, k: int) -> float:
    beam = state.beams[k]
    score = np.log(beam.blank + beam.last) + state.progress[0].log_scale
    return float(score + state.prefixes[beam.prefix].beyond_factors)


@part
def _end(state: SearchState, results: np.ndarray) -> int:
    """Fill in score, fusion's share of it, and number of tokens for each beam; returns the number of all tokens."""
    num_tokens = 0
    for allow_unknown in (state.tables.unit != LEXICON, True):
        is_complete, num_tokens = False, 0
        for k in range(results.shape[1]):
            prefix = state.prefixes[state.beams[k].prefix]
            end = finish(state.tables, fusion_state(prefix), allow_unknown)
            results[0, k] = _score(state, k) + end
            results[1, k] = prefix.total_gain + prefix.beyond_factors + end
            results[2, k] = prefix.length
            is_complete |= results[0, k] > -np.inf
            num_tokens += prefix.length
        if is_complete:
            break  # else, no prefix ends with a word of the lexicon: better half a word than nothing
    return num_tokens


@part
def _trace_back(state: SearchState, k: int, tokens: np.ndarray) -> None:
    """Write the tokens of a beam, and the frames in which they start, into the two rows of `tokens`."""
    beam = state.beams[k]
    node, trace = beam.prefix, beam.trace_blank if beam.best_blank >= beam.best_last else beam.trace_last
    for place in range(tokens.shape[1] - 1, -1, -1):
        tokens[0, place], tokens[1, place] = state.prefixes[node].token, state.traces[trace].frame
        node, trace = state.prefixes[node].parent, state.traces[trace].parent
