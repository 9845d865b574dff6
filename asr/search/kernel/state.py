"""The state of a search between two frames: all prefixes so far, those of the current frame, and working space.

Every prefix that a beam has is a node of one tree, so a prefix finds the one it grew from in one step.
"""

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from asr.compiled import kernel, part
from asr.search.fusion.step import FusionState
from asr.search.fusion.tables import ROOT, FusionTables

Record: TypeAlias = Any  # one element of an array of records; compiled code reads its fields by name

BLANK = 0  # `asr.ctc.BLANK_ID`: compiled code takes constants only from files that its cache knows
NONE = -1

# The tree of all prefixes; node 0 is the empty one.
PREFIX = np.dtype(
    [
        ("parent", np.int32),  # has a lower number
        ("token", np.int32),
        ("first_child", np.int32),
        ("next_sibling", np.int32),
        ("beam", np.int32),  # where the prefix is in the present beam, or -1
        ("length", np.int64),
        ("lm_state", np.int64),
        ("node", np.int64),
        ("hotword_state", np.int64),
        ("factor", np.float64),  # of fusion for the last token
        ("total_gain", np.float64),  # of fusion for all tokens, natural log of the factors
        ("beyond_factors", np.float64),  # the rest of the gains, natural log; see `beyond_factor`
        ("word_end_factor", np.float64),  # if a word ends here; NaN until it is asked for
        ("out_of_trie_factor", np.float64),  # of a letter that no word of the trie continues with
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
        ("beyond_factor", np.float64),
        ("beam", np.int32),
        ("token", np.int32),
        ("child", np.int32),  # its node, if the tree has it already, or -1
        ("lm_state", np.int64),
        ("node", np.int64),
        ("hotword_state", np.int64),
    ],
    align=True,
)
TRACE = np.dtype([("parent", np.int32), ("frame", np.int32)])  # a token's start, and that of the token before it
PROGRESS = np.dtype(
    [
        ("num_frames", np.int64),
        ("num_prefixes", np.int64),
        ("num_traces", np.int64),
        ("num_beams", np.int64),
        ("log_scale", np.float64),  # log of all that weights have been divided by
        ("min_ratio", np.float64),  # of the best weight, that a prefix needs to stay
    ],
    align=True,
)


class SearchState(NamedTuple):
    """What a search knows after some frames. The arrays are changed in place."""

    tables: FusionTables
    progress: np.ndarray  # PROGRESS [1]
    prefixes: np.ndarray  # PREFIX [room]
    traces: np.ndarray  # TRACE [room]
    beams: np.ndarray  # BEAM [beam_width]
    # Used only within a frame:
    kept: np.ndarray  # BEAM [beam_width]: the same prefixes after one more frame
    selected: np.ndarray  # BEAM [beam_width]: what comes into the next beam
    candidates: np.ndarray  # CANDIDATE [4 * beam_width]
    heap: np.ndarray  # float64 [beam_width]: the best weights so far, the worst of them at 0
    bounds: np.ndarray  # float64 [beam_width, 2]: see `set_bounds`
    order: np.ndarray  # int32 [beam_width]: places of beams, best first
    tokens: np.ndarray  # int32 [max_tokens]: the likeliest tokens


def start_search(tables: FusionTables, *, beam_width: int, max_tokens: int, min_ratio: float) -> SearchState:
    """The state before the first frame: the empty prefix alone, with probability 1.

    The `beam_width` best prefixes are kept, except those below `min_ratio` of the best one, and at most `max_tokens`
    tokens are looked at in a frame.

    Raises:
        MemoryError: there is not so much memory.
    """
    state = SearchState(
        tables=tables,
        progress=np.zeros(1, PROGRESS),
        prefixes=np.empty(1, PREFIX),
        traces=np.empty(0, TRACE),
        beams=np.empty(beam_width, BEAM),
        kept=np.empty(beam_width, BEAM),
        selected=np.empty(beam_width, BEAM),
        candidates=np.empty(4 * beam_width, CANDIDATE),
        heap=np.empty(beam_width),
        bounds=np.empty((beam_width, 2)),
        order=np.empty(beam_width, np.int32),
        tokens=np.empty(max_tokens, np.int32),
    )
    state.progress["num_prefixes"] = state.progress["num_beams"] = 1
    state.progress["min_ratio"] = min_ratio
    state.prefixes[0] = _empty_prefix(tables)
    state.beams[0] = (1.0, 0.0, 1.0, 0.0, 0, NONE, NONE, 0)
    return state


def with_room(state: SearchState, num_frames: int) -> SearchState:
    """The same state with room for `num_frames` more: nodes that no prefix of the beam descends from are dropped, and
    if more than half of an array is still in use, or the rest is too small, it is made at least twice as long.

    Raises:
        MemoryError: there is not so much memory.
    """
    num_new = num_frames * len(state.beams)
    if _room_left(state) >= num_new:
        return state
    if state.progress["num_frames"][0] > 0:
        drop_dead_ends(state.progress, state.beams, state.prefixes, state.traces)
        if _room_left(state) >= max(num_new, len(state.prefixes) // 2):
            return state
    room = max(2 * len(state.prefixes), len(state.prefixes) + num_new)
    prefixes, traces = np.empty(room, PREFIX), np.empty(room, TRACE)
    prefixes[: len(state.prefixes)], traces[: len(state.traces)] = state.prefixes, state.traces
    return state._replace(prefixes=prefixes, traces=traces)


def _room_left(state: SearchState) -> int:
    progress = state.progress[0]
    return min(len(state.prefixes) - int(progress["num_prefixes"]), len(state.traces) - int(progress["num_traces"]))


def _empty_prefix(tables: FusionTables) -> np.ndarray:
    prefix = np.zeros((), PREFIX)
    for name in ("parent", "token", "first_child", "next_sibling"):
        prefix[name] = NONE
    prefix["lm_state"], prefix["node"], prefix["hotword_state"] = tables.lm_start, ROOT, tables.hotwords.start
    prefix["factor"], prefix["word_end_factor"], prefix["out_of_trie_factor"] = 1.0, math.nan, math.nan
    return prefix


@kernel
def drop_dead_ends(progress: np.ndarray, beams: np.ndarray, prefixes: np.ndarray, traces: np.ndarray) -> None:
    """Drop all prefixes and traces that nothing in the beam descends from; those that stay move up, in their order.

    That changes no result: a prefix that comes back later gets the same values again.
    """
    now = progress[0]
    new_prefix, new_trace = np.full(now.num_prefixes, NONE), np.full(now.num_traces, NONE)
    mark_line(prefixes, 0, new_prefix)
    for k in range(now.num_beams):
        mark_line(prefixes, beams[k].prefix, new_prefix)
        mark_line(traces, beams[k].trace_blank, new_trace)
        mark_line(traces, beams[k].trace_last, new_trace)
    now.num_prefixes, now.num_traces = move_up(prefixes, new_prefix), move_up(traces, new_trace)
    for i in range(now.num_prefixes):
        prefixes[i].first_child = prefixes[i].next_sibling = NONE
        if i > 0:
            parent = prefixes[prefixes[i].parent]
            prefixes[i].next_sibling, parent.first_child = parent.first_child, i
    for k in range(now.num_beams):
        beam = beams[k]
        beam.prefix = new_prefix[beam.prefix]
        if beam.trace_blank != NONE:
            beam.trace_blank = new_trace[beam.trace_blank]
        if beam.trace_last != NONE:
            beam.trace_last = new_trace[beam.trace_last]


@part
def mark_line(nodes: np.ndarray, last: int, new_place: np.ndarray) -> None:
    """Mark a node and all that it descends from."""
    while last != NONE and new_place[last] == NONE:
        new_place[last] = 0
        last = nodes[last].parent


@part
def move_up(nodes: np.ndarray, new_place: np.ndarray) -> int:
    """Move the marked nodes to the front; fills in their new places and returns their number."""
    num_kept = 0
    for i in range(len(new_place)):
        if new_place[i] == NONE:
            continue
        new_place[i] = num_kept
        nodes[num_kept] = nodes[i]
        if nodes[num_kept].parent != NONE:
            nodes[num_kept].parent = new_place[nodes[num_kept].parent]
        num_kept += 1
    return num_kept


@part
def fusion_state(prefix: Record) -> FusionState:
    return FusionState(prefix.lm_state, prefix.node, prefix.hotword_state)
