"""Which longer prefixes may come into the beam: bounds, the likely tokens of a frame, and the candidates themselves."""

from typing import no_type_check

import numpy as np

from asr.compiled import part
from asr.search.fusion.step import LEXICON, MAX_GAIN, advance, close_word, find_child, leave_trie
from asr.search.kernel.beams import NONE


@part
@no_type_check
def start_heap(stays, num_beams, beam_width, min_ratio, heap):
    """Put the weights of the stays into the heap; returns what a prefix has to weigh to come into the beam."""
    best = 0.0
    for i in range(num_beams):
        heap[i] = stays[i].blank + stays[i].last
        best = max(best, heap[i])
    if num_beams < beam_width:
        return best * min_ratio
    for root in range(beam_width // 2 - 1, -1, -1):
        _sift_down(heap, beam_width, root)
    return max(best * min_ratio, heap[0])


@part
@no_type_check
def _push(heap, size, beam_width, weight):
    """Put one more weight into the heap, in place of the smallest if it is full; returns how many it holds.

    It is a heap only when it is full; before, in any order.
    """
    if size == beam_width:
        heap[0] = weight
        _sift_down(heap, size, 0)
        return size
    heap[size] = weight
    if size + 1 == beam_width:
        for root in range(beam_width // 2 - 1, -1, -1):
            _sift_down(heap, beam_width, root)
    return size + 1


@part
@no_type_check
def _sift_down(heap, size, root):
    """Put a heap of numbers, the smallest at 0, in order again after the one at `root` has grown."""
    value = heap[root]
    child = 2 * root + 1
    while child < size:
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[root] = heap[child]
        root, child = child, 2 * child + 1
    heap[root] = value


@part
@no_type_check
def set_bounds(prefixes, beams, num_beams, tables, bounds):
    """The most that a token's probability is multiplied with: column 0 for tokens within a word, 1 for boundaries."""
    factor = np.exp(tables.bound)
    most_plain = most_boundary = 0.0
    for i in range(num_beams):
        prefix = prefixes[beams[i].prefix]
        plain = boundary = (beams[i].blank + beams[i].last) * factor
        if tables.has_trie:
            if np.isnan(prefix.closing):
                gain, _ = close_word(tables, prefix.lm_state, prefix.node, tables.unit != LEXICON)
                prefix.closing = np.exp(min(gain, MAX_GAIN))
                prefix.leaving = np.exp(leave_trie(tables, prefix.node))
            if tables.bound < MAX_GAIN:  # else, tokens may end other words than the one that is open
                boundary *= prefix.closing
        bounds[i, 0], bounds[i, 1] = plain, boundary
        most_plain, most_boundary = max(most_plain, plain), max(most_boundary, boundary)
    return most_plain, most_boundary


@part
@no_type_check
def likely_tokens(row, least, chosen):
    """The likeliest tokens, best first, that can still bring a prefix into the beam; `chosen` is as long as allowed."""
    num_chosen = 0
    for token in range(1, len(row)):
        prob = row[token]
        if prob <= 0.0 or prob < least:
            continue
        if num_chosen == len(chosen) and prob <= row[chosen[num_chosen - 1]]:
            continue
        place = min(num_chosen, len(chosen) - 1)
        num_chosen = place + 1
        while place > 0 and row[chosen[place - 1]] < prob:
            chosen[place] = chosen[place - 1]
            place -= 1
        chosen[place] = token
    return num_chosen


@part
@no_type_check
def sort_beams(beams, num_beams, order):
    """The places of the beams by their weight, best first. They were nearly in order before, so insertion is quick."""
    for i in range(num_beams):
        weight, place = beams[i].blank + beams[i].last, i
        while place > 0 and beams[order[place - 1]].blank + beams[order[place - 1]].last < weight:
            order[place] = order[place - 1]
            place -= 1
        order[place] = i


@part
@no_type_check
def extend(row, prefixes, beams, order, chosen, bounds, heap, beam_width, least, tables, candidates):
    """Candidates that may come into the beam: their number, and the weight that they and the stays have to reach.

    `heap` holds the weights of the best prefixes so far, the worst of them at 0.
    """
    num_candidates, num_best = 0, len(order)
    boundary_letter = np.uint64(1)  # of symbol 0
    for i in order:
        beam, prefix = beams[i], prefixes[beams[i].prefix]
        following = tables.trie_letters[prefix.node]
        highest = max(bounds[i, 0], bounds[i, 1])
        for token in chosen:
            if highest * row[token] < least:
                break
            bound = bounds[i, int(tables.ends_word[token])]
            if tables.has_trie and not (following | boundary_letter) & tables.first_letter[token]:
                bound *= prefix.leaving
            if bound * row[token] < least or bound == 0.0:
                continue
            child = prefix.first_child
            while child != NONE and prefixes[child].token != token:
                child = prefixes[child].next_sibling
            if child != NONE and prefixes[child].beam != NONE:
                continue  # `stay` has added these paths to it
            candidate = candidates[num_candidates]
            candidate.beam, candidate.token, candidate.child = i, token, child
            if child != NONE:
                candidate.factor = prefixes[child].factor
            else:
                _fuse(prefix, candidate, tables)
            weight = (beam.blank if token == prefix.token else beam.blank + beam.last) * row[token] * candidate.factor
            # Of equals, those that are there stay: otherwise, ties could outgrow the array of candidates.
            if weight < least or weight <= 0.0 or (num_best == beam_width and weight <= heap[0]):
                continue
            candidate.weight = weight
            num_candidates += 1
            num_best = _push(heap, num_best, beam_width, weight)
            if num_best == beam_width:
                least = max(least, heap[0])
            if num_candidates == len(candidates):
                num_candidates = _drop_below(candidates, num_candidates, least)
    return num_candidates, least


@part
@no_type_check
def _fuse(prefix, candidate, tables):
    """Fill in a candidate's factor and state. The first two cases of `advance` are here for speed."""
    if tables.is_plain:
        candidate.factor, candidate.lm_state, candidate.node, candidate.hot = 1.0, 0, 0, 0
    elif tables.is_letter[candidate.token]:
        candidate.node = find_child(tables, prefix.node, tables.token_symbol[tables.token_start[candidate.token]])
        candidate.factor = prefix.leaving
        if candidate.node != len(tables.trie_word) - 1:
            candidate.factor = tables.entering[candidate.node]
        candidate.lm_state, candidate.hot = prefix.lm_state, prefix.hot
    else:
        gain, candidate.lm_state, candidate.node, candidate.hot = advance(
            tables, prefix.lm_state, prefix.node, prefix.hot, candidate.token
        )
        candidate.factor = np.exp(min(gain, MAX_GAIN))


@part
@no_type_check
def _drop_below(candidates, num_candidates, least):
    """Keep the candidates of `least` weight or more; returns their number."""
    kept = 0
    for c in range(num_candidates):
        if candidates[c].weight >= least:
            candidates[kept] = candidates[c]
            kept += 1
    return kept


@part
@no_type_check
def count_ties(stays, num_beams, candidates, num_candidates, beam_width, min_ratio, least):
    """The least weight that stays in the beam, and how many of just that weight do."""
    best, num_better = 0.0, 0
    for i in range(num_beams):
        best = max(best, stays[i].blank + stays[i].last)
    for c in range(num_candidates):
        best = max(best, candidates[c].weight)
    least = max(least, best * min_ratio, 5e-324)  # 5e-324: what is impossible never stays
    for i in range(num_beams):
        num_better += stays[i].blank + stays[i].last > least
    for c in range(num_candidates):
        num_better += candidates[c].weight > least
    return least, beam_width - num_better
