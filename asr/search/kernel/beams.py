"""How a frame changes the prefixes of the beam: those that are kept, those that grow, and their weights."""

import numpy as np

from asr.compiled import part
from asr.search.kernel.state import BLANK, NONE, Record, SearchState


@part
def keep_prefixes(state: SearchState, row: np.ndarray) -> None:
    """The same prefixes after one more frame: a blank, the last token repeated, or the last token from the parent."""
    prefixes, beams = state.prefixes, state.beams
    for i in range(state.progress[0].num_beams):
        beam, kept = beams[i], state.kept[i]
        prefix = prefixes[beam.prefix]
        kept.prefix = beam.prefix
        kept.blank = (beam.blank + beam.last) * row[BLANK]
        kept.best_blank = max(beam.best_blank, beam.best_last) * row[BLANK]
        kept.trace_blank = beam.trace_blank if beam.best_blank >= beam.best_last else beam.trace_last
        kept.trace_last = beam.trace_last
        kept.last = kept.best_last = 0.0
        kept.new_trace = 0
        if prefix.parent == NONE:
            continue
        kept.last = beam.last * row[prefix.token]
        kept.best_last = beam.best_last * row[prefix.token]
        parent = prefixes[prefix.parent]
        if parent.beam == NONE:
            continue
        source = beams[parent.beam]
        needs_blank = parent.token == prefix.token  # a repeat would not grow the parent
        factor = row[prefix.token] * prefix.factor
        kept.last += (source.blank if needs_blank else source.blank + source.last) * factor
        from_blank = needs_blank or source.best_blank >= source.best_last
        best = (source.best_blank if from_blank else source.best_last) * factor
        if best > kept.best_last:
            kept.best_last = best
            kept.trace_last = source.trace_blank if from_blank else source.trace_last
            kept.new_trace = 1


@part
def select(state: SearchState, row: np.ndarray, num_candidates: int, least: float, num_ties: int) -> int:
    """Select all that weigh more than `least`, and `num_ties` that weigh exactly that; returns how many there are."""
    progress = state.progress[0]
    num_beams, num_selected = progress.num_beams, 0
    for k in range(num_beams + num_candidates):
        is_kept = k < num_beams
        weight = state.kept[k].blank + state.kept[k].last if is_kept else state.candidates[k - num_beams].weight
        if weight < least or (weight == least and num_ties <= 0):
            continue
        num_ties -= weight == least
        beam = state.selected[num_selected]
        if is_kept:
            state.selected[num_selected] = state.kept[k]
        else:
            grow(state, row, state.candidates[k - num_beams], beam)
        if beam.new_trace:
            new = progress.num_traces
            state.traces[new].parent, state.traces[new].frame = beam.trace_last, progress.num_frames
            beam.trace_last = new
            if not is_kept:
                beam.trace_blank = new
            progress.num_traces += 1
        num_selected += 1
    return num_selected


@part
def grow(state: SearchState, row: np.ndarray, candidate: Record, new: Record) -> None:
    """Make a candidate the beam `new`."""
    beam = state.beams[candidate.beam]
    new.prefix = candidate.child if candidate.child != NONE else add_prefix(state, beam.prefix, candidate)
    from_blank = candidate.token == state.prefixes[beam.prefix].token or beam.best_blank >= beam.best_last
    best = beam.best_blank if from_blank else beam.best_last
    new.blank = new.best_blank = 0.0
    new.last = candidate.weight
    new.best_last = best * row[candidate.token] * candidate.factor
    new.trace_last = beam.trace_blank if from_blank else beam.trace_last
    new.new_trace = 1


@part
def add_prefix(state: SearchState, parent: int, candidate: Record) -> int:
    """Put a candidate into the tree of prefixes; returns its place."""
    new = int(state.progress[0].num_prefixes)
    prefix, shorter = state.prefixes[new], state.prefixes[parent]
    prefix.parent, prefix.token, prefix.length = parent, candidate.token, shorter.length + 1
    prefix.first_child = prefix.beam = NONE
    prefix.next_sibling, shorter.first_child = shorter.first_child, new
    prefix.lm_state, prefix.node, prefix.hotword_state = candidate.lm_state, candidate.node, candidate.hotword_state
    prefix.factor, prefix.total_gain, prefix.word_end_factor = candidate.factor, shorter.total_gain, np.nan
    if candidate.factor != 1.0:
        prefix.total_gain += np.log(candidate.factor)
    prefix.beyond_factors = shorter.beyond_factors + candidate.beyond_factor
    state.progress[0].num_prefixes = new + 1
    return new


@part
def replace_beams(state: SearchState, num_selected: int) -> None:
    """Make the selected prefixes the beam of the next frame, with weights divided by the best one."""
    progress, prefixes, beams = state.progress[0], state.prefixes, state.beams
    for i in range(progress.num_beams):
        prefixes[beams[i].prefix].beam = NONE
    for i in range(num_selected):
        beams[i] = state.selected[i]
        prefixes[beams[i].prefix].beam = i
    progress.num_beams = num_selected
    if num_selected > 0:
        progress.log_scale += np.log(scale(beams, num_selected))


@part
def scale(beams: np.ndarray, num_beams: int) -> float:
    """Divide by the best weight; returns it. The likeliest paths, of which only the order counts, are divided by the
    likeliest of them; if all have underflowed to 0, they stay 0.
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
