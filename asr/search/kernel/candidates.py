"""Which longer prefixes may come into the beam: bounds, the likely tokens of a frame, and the candidates themselves."""

import numpy as np

from asr.compiled import part
from asr.search.fusion.step import advance, beyond_factor, close_word, factor_of, leave_trie
from asr.search.fusion.tables import BOUNDARY, LEXICON, MAX_GAIN, MIN_GAIN, FusionTables, find_child
from asr.search.kernel.state import NONE, Record, SearchState, fusion_state

_LEAST_FACTOR = np.exp(MIN_GAIN)


@part
def start_heap(state: SearchState) -> float:
    """Put the weights of the kept prefixes into the heap; returns the least weight that enters the beam."""
    heap, kept, num_beams = state.heap, state.kept, state.progress[0].num_beams
    best = 0.0
    for i in range(num_beams):
        heap[i] = kept[i].blank + kept[i].last
        best = max(best, heap[i])
    least = best * float(state.progress[0].min_ratio)
    if num_beams < len(heap):
        return least
    for root in range(len(heap) // 2 - 1, -1, -1):
        _sift_down(heap, root)
    return max(least, float(heap[0]))


@part
def _push(heap: np.ndarray, size: int, weight: float) -> int:
    """Put one more weight into the heap, in place of the smallest if it is full; returns how many it holds.

    It is ordered as a heap only once it is full.
    """
    if size == len(heap):
        heap[0] = weight
        _sift_down(heap, 0)
        return size
    heap[size] = weight
    if size + 1 == len(heap):
        for root in range(len(heap) // 2 - 1, -1, -1):
            _sift_down(heap, root)
    return size + 1


@part
def _sift_down(heap: np.ndarray, root: int) -> None:
    """Put a heap of numbers, the smallest at 0, in order again after the one at `root` has grown."""
    value, size = heap[root], len(heap)
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
def set_bounds(state: SearchState) -> float:
    """The most that a token's probability is multiplied with, for each prefix: column 0 for tokens within a word, 1 for
    boundaries. Returns the highest.
    """
    tables, prefixes, beams, bounds = state.tables, state.prefixes, state.beams, state.bounds
    factor = np.exp(tables.max_gain)
    highest = 0.0
    for i in range(state.progress[0].num_beams):
        prefix = prefixes[beams[i].prefix]
        plain = boundary = (beams[i].blank + beams[i].last) * factor
        if tables.has_trie:
            if np.isnan(prefix.word_end_factor):
                gain, _ = close_word(tables, prefix.lm_state, prefix.node, tables.unit != LEXICON)
                prefix.word_end_factor = factor_of(gain)
                prefix.out_of_trie_factor = factor_of(leave_trie(tables, prefix.node))
            if tables.max_gain < MAX_GAIN:  # else, tokens may end other words than the one that is open
                boundary *= prefix.word_end_factor
        bounds[i, 0], bounds[i, 1] = plain, boundary
        highest = max(highest, plain, boundary)
    return highest


@part
def likely_tokens(row: np.ndarray, least: float, tokens: np.ndarray) -> int:
    """Fill in the likeliest tokens, best first, of probability `least` or more; returns their number."""
    num_tokens = 0
    for token in range(1, len(row)):
        prob = row[token]
        if prob <= 0.0 or prob < least:
            continue
        if num_tokens == len(tokens) and prob <= row[tokens[num_tokens - 1]]:
            continue
        place = min(num_tokens, len(tokens) - 1)
        num_tokens = place + 1
        while place > 0 and row[tokens[place - 1]] < prob:
            tokens[place] = tokens[place - 1]
            place -= 1
        tokens[place] = token
    return num_tokens


@part
def sort_beams(beams: np.ndarray, num_beams: int, order: np.ndarray) -> None:
    """The places of the beams by weight, best first. They are nearly in order already, so insertion sort is quick."""
    for i in range(num_beams):
        weight, place = beams[i].blank + beams[i].last, i
        while place > 0 and beams[order[place - 1]].blank + beams[order[place - 1]].last < weight:
            order[place] = order[place - 1]
            place -= 1
        order[place] = i


@part
def extend(state: SearchState, row: np.ndarray, num_tokens: int, least: float) -> tuple[int, float]:
    """Find candidates that may enter the beam; returns their number, and the weight that prefixes must reach."""
    tables, prefixes, bounds, heap, candidates = (
        state.tables,
        state.prefixes,
        state.bounds,
        state.heap,
        state.candidates,
    )
    num_beams = state.progress[0].num_beams
    num_candidates, num_best = 0, num_beams
    boundary_letter = np.uint64(1 << BOUNDARY)
    for i in state.order[:num_beams]:
        beam, prefix = state.beams[i], prefixes[state.beams[i].prefix]
        following = tables.trie.letters[prefix.node]
        highest = max(bounds[i, 0], bounds[i, 1])
        for token in state.tokens[:num_tokens]:
            if highest * row[token] < least:
                break
            bound = bounds[i, int(tables.tokens.ends_word[token])]
            if tables.has_trie and not (following | boundary_letter) & tables.tokens.first_letter[token]:
                bound *= prefix.out_of_trie_factor
            if bound * row[token] < least or bound == 0.0:
                continue
            child = prefix.first_child
            while child != NONE and prefixes[child].token != token:
                child = prefixes[child].next_sibling
            if child != NONE and prefixes[child].beam != NONE:
                continue  # `keep_prefixes` has added these paths to it
            candidate = candidates[num_candidates]
            candidate.beam, candidate.token, candidate.child = i, token, child
            if child != NONE:
                candidate.factor = prefixes[child].factor
            else:
                _fuse(tables, prefix, candidate)
            weight = (beam.blank if token == prefix.token else beam.blank + beam.last) * row[token] * candidate.factor
            # Of equals, the earlier ones stay: otherwise, ties could outgrow the array of candidates.
            if weight < least or weight <= 0.0 or (num_best == len(heap) and weight <= heap[0]):
                continue
            candidate.weight = weight
            num_candidates += 1
            num_best = _push(heap, num_best, weight)
            if num_best == len(heap):
                least = max(least, heap[0])
            if num_candidates == len(candidates):
                num_candidates = _drop_below(candidates, num_candidates, least)
    return num_candidates, least


@part
def _fuse(tables: FusionTables, prefix: Record, candidate: Record) -> None:
    """Fill in a candidate's factor and state. The first two cases of `advance` are here for speed."""
    candidate.beyond_factor = 0.0
    if tables.is_plain:
        candidate.factor, candidate.lm_state, candidate.node, candidate.hotword_state = 1.0, 0, 0, 0
        return
    if tables.tokens.is_letter[candidate.token]:
        symbol = tables.tokens.symbol[tables.tokens.start[candidate.token]]
        candidate.node = find_child(tables.trie, prefix.node, symbol)
        candidate.factor = prefix.out_of_trie_factor
        if candidate.node != len(tables.trie.word) - 1:
            candidate.factor = tables.trie.step_factor[candidate.node]
        candidate.lm_state, candidate.hotword_state = prefix.lm_state, prefix.hotword_state
        if candidate.factor > _LEAST_FACTOR or candidate.factor == 0.0:
            return
    gain, after = advance(tables, fusion_state(prefix), candidate.token)
    candidate.factor, candidate.beyond_factor = factor_of(gain), beyond_factor(gain)
    candidate.lm_state, candidate.node, candidate.hotword_state = after


@part
def _drop_below(candidates: np.ndarray, num_candidates: int, least: float) -> int:
    """Keep the candidates of `least` weight or more; returns their number."""
    kept = 0
    for c in range(num_candidates):
        if candidates[c].weight >= least:
            candidates[kept] = candidates[c]
            kept += 1
    return kept


@part
def count_ties(state: SearchState, num_candidates: int, least: float) -> tuple[float, int]:
    """The least weight that stays in the beam, and how many prefixes of exactly that weight do."""
    kept, candidates, num_beams = state.kept, state.candidates, state.progress[0].num_beams
    best, num_better = 0.0, 0
    for i in range(num_beams):
        best = max(best, kept[i].blank + kept[i].last)
    for c in range(num_candidates):
        best = max(best, candidates[c].weight)
    least = max(least, best * state.progress[0].min_ratio, 5e-324)  # 5e-324, the smallest float: drop the impossible
    for i in range(num_beams):
        num_better += kept[i].blank + kept[i].last > least
    for c in range(num_candidates):
        num_better += candidates[c].weight > least
    return least, len(state.beams) - num_better
