"""The prefixes of a search: the tree of all, those of the present frame, and how a frame changes these."""

from typing import no_type_check

import numpy as np

from asr.compiled import part

NONE = -1

# The tree of all prefixes; node 0 is the empty one.
PREFIX = np.dtype(
    [
        ("parent", np.int32),
        ("token", np.int32),
        ("first_child", np.int32),
        ("next_sibling", np.int32),
        ("beam", np.int32),  # where the prefix is in the present beam, or -1
        ("length", np.int64),
        ("lm_state", np.int64),
        ("node", np.int64),
        ("hot", np.int64),
        ("factor", np.float64),  # of fusion for the last token
        ("total_gain", np.float64),  # of fusion for all tokens, natural log
        ("closing", np.float64),  # the factor if a word ends here; NaN until it is asked for
        ("leaving", np.float64),  # the factor of a letter that no word of the trie goes on with
    ],
    align=True,
)
# The prefixes of the present frame: sums over the paths that end in blank and in the last token, the likeliest path of
# each, and where that one's tokens start: a place in the traces.
BEAM = np.dtype(
    [
        ("blank", np.float64),
        ("last", np.float64),
        ("best_blank", np.float64),
        ("best_last", np.float64),
        ("prefix", np.int32),
        ("trace_blank", np.int32),
        ("trace_last", np.int32),
        ("new_trace", np.int32),  # 1 if the last token of the likeliest path starts at this frame
    ],
    align=True,
)
# Prefixes that are one token longer.
CANDIDATE = np.dtype(
    [
        ("weight", np.float64),
        ("factor", np.float64),
        ("beam", np.int32),
        ("token", np.int32),
        ("child", np.int32),  # its node, if the tree has it already, or -1
        ("lm_state", np.int64),
        ("node", np.int64),
        ("hot", np.int64),
    ],
    align=True,
)
TRACE = np.dtype([("parent", np.int32), ("frame", np.int32)])


@part
@no_type_check
def add_prefix(prefixes, new, parent, candidate):
    prefix = prefixes[new]
    prefix.parent, prefix.token = parent, candidate.token
    prefix.first_child = prefix.next_sibling = prefix.beam = NONE
    prefix.lm_state, prefix.node, prefix.hot = candidate.lm_state, candidate.node, candidate.hot
    prefix.factor, prefix.total_gain, prefix.closing, prefix.length = candidate.factor, 0.0, np.nan, 0
    if parent != NONE:
        prefix.length = prefixes[parent].length + 1
        prefix.total_gain = prefixes[parent].total_gain
        if candidate.factor != 1.0:
            prefix.total_gain += np.log(candidate.factor)
        prefix.next_sibling = prefixes[parent].first_child
        prefixes[parent].first_child = new


@part
@no_type_check
def stay(row, prefixes, beams, num_beams, stays):
    """The same prefixes after one more frame: a blank, the last token held on, or come from the parent."""
    for i in range(num_beams):
        beam, stay = beams[i], stays[i]
        prefix = prefixes[beam.prefix]
        stay.prefix = beam.prefix
        stay.blank = (beam.blank + beam.last) * row[0]
        stay.best_blank = max(beam.best_blank, beam.best_last) * row[0]
        stay.trace_blank = beam.trace_blank if beam.best_blank >= beam.best_last else beam.trace_last
        stay.trace_last = beam.trace_last
        stay.last = stay.best_last = 0.0
        stay.new_trace = 0
        if prefix.parent == NONE:
            continue
        stay.last = beam.last * row[prefix.token]
        stay.best_last = beam.best_last * row[prefix.token]
        shorter = prefixes[prefix.parent]
        if shorter.beam == NONE:
            continue
        source = beams[shorter.beam]
        repeat = shorter.token == prefix.token  # which only grows the shorter prefix after a blank
        factor = row[prefix.token] * prefix.factor
        stay.last += (source.blank if repeat else source.blank + source.last) * factor
        from_blank = repeat or source.best_blank >= source.best_last
        best = (source.best_blank if from_blank else source.best_last) * factor
        if best > stay.best_last:
            stay.best_last = best
            stay.trace_last = source.trace_blank if from_blank else source.trace_last
            stay.new_trace = 1


@part
@no_type_check
def grow(candidate, prefixes, num_prefixes, beams, row, new):
    """Make a candidate the beam `new`; returns the number of prefixes in the tree."""
    beam = beams[candidate.beam]
    new.prefix = candidate.child
    if candidate.child == NONE:
        add_prefix(prefixes, num_prefixes, beam.prefix, candidate)
        new.prefix = num_prefixes
        num_prefixes += 1
    from_blank = candidate.token == prefixes[beam.prefix].token or beam.best_blank >= beam.best_last
    best = beam.best_blank if from_blank else beam.best_last
    new.blank = new.best_blank = 0.0
    new.last = candidate.weight
    new.best_last = best * row[candidate.token] * candidate.factor
    new.trace_last = beam.trace_blank if from_blank else beam.trace_last
    new.new_trace = 1
    return num_prefixes


@part
@no_type_check
def scale(beams, num_beams):
    """Divide by the best weight; returns it. The likeliest paths, of which only the order counts, by the likeliest:
    0 if one so much likelier than all that are left has gone that nothing is known of these.
    """
    best, likeliest = 0.0, 0.0
    for k in range(num_beams):
        best = max(best, beams[k].blank + beams[k].last)
        likeliest = max(likeliest, beams[k].best_blank, beams[k].best_last)
    for k in range(num_beams):
        beam = beams[k]
        beam.blank /= best
        beam.last /= best
        if likeliest > 0.0:
            beam.best_blank /= likeliest
            beam.best_last /= likeliest
    return best
