"""The beginning of the best text made final, so that a search without an end needs no memory for it; the end of a word
that is known from elsewhere.
"""

import numpy as np

from asr.compiled import kernel
from asr.search.kernel.search import advance_search, best_so_far
from asr.search.kernel.state import BLANK, NONE, SearchState, drop_dead_ends


def commit_tokens(state: SearchState, num_tokens: int, may_follow: np.ndarray) -> np.ndarray:
    """Make the first `num_tokens` tokens of the best prefix final; returns them and their start frames (2, tokens).

    Prefixes that begin otherwise leave the beam, and those that go on with a token that may not follow, bool (vocab,);
    the blank stands for nothing. Those that stay forget these tokens, but neither their scores nor what fusion knows of
    them.
    """
    tokens: np.ndarray = best_so_far(state)[2][:, :num_tokens]
    if num_tokens == 0:
        return tokens
    _keep_those_that_begin_so(state, num_tokens, may_follow)
    drop_dead_ends(state.progress, state.beams, state.prefixes, state.traces)
    state.prefixes["length"][1 : int(state.progress["num_prefixes"][0])] -= num_tokens
    return tokens


def keep_best(state: SearchState) -> None:
    """Drop all prefixes but the best one."""
    beams = state.beams[: int(state.progress["num_beams"][0])]
    best = beams[int((beams["blank"] + beams["last"]).argmax())].copy()
    state.prefixes["beam"][beams["prefix"]] = NONE
    state.beams[0] = best
    state.prefixes["beam"][best["prefix"]] = 0
    state.progress["num_beams"] = 1


def end_word(state: SearchState, boundary: int) -> None:
    """Go on as if a frame of the token `boundary` came, for which there is room, but without counting it."""
    beams = state.beams[: int(state.progress["num_beams"][0])]
    for k in np.flatnonzero(state.prefixes["token"][beams["prefix"]] == boundary):
        beam = beams[k]  # its last token goes on, so it is not doubled
        if beam["best_blank"] >= beam["best_last"]:
            beam["best_last"], beam["trace_last"] = beam["best_blank"], beam["trace_blank"]
        beam["last"] += beam["blank"]
        beam["blank"] = beam["best_blank"] = 0.0
    row = np.zeros((1, len(state.tables.tokens.start) - 1))
    row[0, boundary] = 1.0
    advance_search(state, row)
    state.progress["num_frames"] -= 1


@kernel
def _keep_those_that_begin_so(state: SearchState, num_tokens: int, may_follow: np.ndarray) -> None:
    """Drop beams that do not descend from the first tokens of the best one, or go on with a token that may not follow,
    and cut the lines of the others there.

    The last of these tokens stays in the tree, below the root: a prefix has to know its last token.
    """
    progress, prefixes, beams, traces = state.progress[0], state.prefixes, state.beams, state.traces
    best = 0
    for k in range(progress.num_beams):
        if beams[k].blank + beams[k].last > beams[best].blank + beams[best].last:
            best = k
    common = beams[best].prefix
    for _ in range(prefixes[common].length - num_tokens):
        common = prefixes[common].parent
    num_kept = 0
    for k in range(progress.num_beams):
        beam = beams[k]
        length = prefixes[beam.prefix].length
        node, following = beam.prefix, BLANK
        for _ in range(length - num_tokens):
            node, following = prefixes[node].parent, prefixes[node].token
        if node != common or not may_follow[following]:
            prefixes[beam.prefix].beam = NONE
            continue
        for last in (beam.trace_blank, beam.trace_last):
            trace = last
            for _ in range(length - num_tokens):
                trace = traces[trace].parent
            traces[trace].parent = NONE
        prefixes[beam.prefix].beam = num_kept
        beams[num_kept] = beams[k]
        num_kept += 1
    progress.num_beams = num_kept
    prefixes[common].parent = 0
