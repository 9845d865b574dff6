"""The inner loop of prefix beam search, for one utterance on one core (Graves 2012, 7.5.3; Hannun et al. 2014).

It works in probabilities, not logarithms: all weights of a frame are divided by the best one, whose logarithm is summed
apart, so that a frame costs multiplications and no `exp`. What is more than 600 nats below the best is lost.

Every prefix that was ever in the beam is a node of a tree, once. So a prefix finds the one it grew from in one step,
and the paths that arrive from there are added to it without a table of prefixes. A candidate is only looked at closer
if an upper bound of its weight reaches that of the worst prefix that is sure to stay: with the peaks of CTC, these are
a few each frame.
"""

from typing import no_type_check

import numpy as np

from asr.compiled import kernel, part
from asr.search.fusion.step import LEXICON, finish
from asr.search.kernel.beams import BEAM, CANDIDATE, NONE, PREFIX, TRACE, add_prefix, grow, scale, stay
from asr.search.kernel.candidates import count_ties, extend, likely_tokens, set_bounds, sort_beams, start_heap


@kernel
@no_type_check
def search_prefixes(probs, beam_width, max_tokens, min_ratio, tables):
    """Prefix beam search over probabilities (frames, vocab), float64, blank 0.

    Keeps the `beam_width` best prefixes, drops those below `min_ratio` of the best one, and looks at no more than
    `max_tokens` tokens a frame. Returns, for each prefix that is left, in no order: score, fusion's share of it
    (natural logs) and number of tokens, as (3, prefixes); and all tokens and their start frames, as (2, tokens).
    """
    capacity = len(probs) * beam_width + 1
    prefixes, traces = np.empty(capacity, PREFIX), np.empty(capacity, TRACE)
    beams, new, stays = np.empty(beam_width, BEAM), np.empty(beam_width, BEAM), np.empty(beam_width, BEAM)
    candidates, heap = np.empty(4 * beam_width, CANDIDATE), np.empty(beam_width)
    chosen, bounds, order = np.empty(max_tokens, np.int32), np.empty((beam_width, 2)), np.empty(beam_width, np.int32)
    _start(prefixes, beams, candidates[0], tables)
    num_beams, num_prefixes, num_traces, log_scale = np.int64(1), np.int64(1), np.int64(0), 0.0
    for frame in range(len(probs)):
        row = probs[frame]
        stay(row, prefixes, beams, num_beams, stays)
        least = start_heap(stays, num_beams, beam_width, min_ratio, heap)
        most_plain, most_boundary = set_bounds(prefixes, beams, num_beams, tables, bounds)
        num_chosen = likely_tokens(row, least / max(most_plain, most_boundary), chosen)
        sort_beams(beams, num_beams, order)
        num_candidates, least = extend(
            row, prefixes, beams, order[:num_beams], chosen[:num_chosen], bounds, heap, beam_width, least, tables,
            candidates,
        )  # fmt: skip
        least, num_ties = count_ties(stays, num_beams, candidates, num_candidates, beam_width, min_ratio, least)
        num_new, num_prefixes, num_traces = _select(
            frame, row, prefixes, num_prefixes, traces, num_traces, beams, stays, num_beams, candidates, num_candidates,
            least, num_ties, new,
        )  # fmt: skip
        for i in range(num_beams):
            prefixes[beams[i].prefix].beam = NONE
        for i in range(num_new):
            prefixes[new[i].prefix].beam = i
        beams, new, num_beams = new, beams, num_new
        if num_beams == 0:
            break
        log_scale += np.log(scale(beams, num_beams))
    results = np.empty((3, num_beams))
    tokens = np.empty((2, _end(prefixes, beams, num_beams, log_scale, tables, results)), np.int32)
    _trace_back(prefixes, beams, num_beams, traces, tokens)
    return results, tokens


@part
@no_type_check
def _start(prefixes, beams, empty, tables):
    """The empty prefix, which is sure, and has ended in a blank so to speak. `empty` is a candidate for use here."""
    empty.token, empty.factor, empty.lm_state, empty.node, empty.hot = NONE, 1.0, tables.lm_start, 0, tables.hot_start
    add_prefix(prefixes, np.int64(0), np.int32(NONE), empty)
    beam = beams[0]
    prefixes[0].beam = beam.prefix = 0
    beam.blank, beam.last, beam.best_blank, beam.best_last = 1.0, 0.0, 1.0, 0.0
    beam.trace_blank = beam.trace_last = NONE


@part
@no_type_check
def _select(
    frame, row, prefixes, num_prefixes, traces, num_traces, beams, stays, num_beams, candidates, num_candidates, least,
    num_ties, new,
):  # fmt: skip
    """Make the new beams of what weighs more than `least`, and of `num_ties` that weigh just that: how many there are
    of new beams, of prefixes, and of traces.
    """
    num_new = 0
    for k in range(num_beams + num_candidates):
        weight = stays[k].blank + stays[k].last if k < num_beams else candidates[k - num_beams].weight
        if weight < least or (weight == least and num_ties <= 0):
            continue
        num_ties -= weight == least
        beam = new[num_new]
        if k < num_beams:
            new[num_new] = stays[k]
        else:
            num_prefixes = grow(candidates[k - num_beams], prefixes, num_prefixes, beams, row, beam)
        if beam.new_trace:
            traces[num_traces].parent, traces[num_traces].frame = beam.trace_last, frame
            beam.trace_last = num_traces
            if k >= num_beams:
                beam.trace_blank = num_traces
            num_traces += 1
        num_new += 1
    return num_new, num_prefixes, num_traces


@part
@no_type_check
def _end(prefixes, beams, num_beams, log_scale, tables, results):
    """Fill in score, fusion's share of it, and number of tokens for each beam; returns the number of all tokens."""
    for allow_unknown in (tables.unit != LEXICON, True):
        complete, num_tokens = False, 0
        for k in range(num_beams):
            prefix = prefixes[beams[k].prefix]
            end = finish(tables, prefix.lm_state, prefix.node, prefix.hot, allow_unknown)
            results[0, k] = np.log(beams[k].blank + beams[k].last) + log_scale + end
            results[1, k] = prefix.total_gain + end
            results[2, k] = prefix.length
            complete |= results[0, k] > -np.inf
            num_tokens += prefix.length
        if complete:
            break  # else, no prefix ends with a word of the lexicon: better half a word than nothing
    return num_tokens


@part
@no_type_check
def _trace_back(prefixes, beams, num_beams, traces, tokens):
    """Write the tokens of all beams, and the frames that they start at, end to end into the rows of `tokens`."""
    start = 0
    for k in range(num_beams):
        node, length = beams[k].prefix, prefixes[beams[k].prefix].length
        trace = beams[k].trace_blank if beams[k].best_blank >= beams[k].best_last else beams[k].trace_last
        for place in range(start + length - 1, start - 1, -1):
            tokens[0, place], tokens[1, place] = prefixes[node].token, traces[trace].frame
            node, trace = prefixes[node].parent, traces[trace].parent
        start += length
