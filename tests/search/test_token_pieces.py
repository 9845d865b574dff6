"""Search with pieces that have a boundary after a letter, against a textbook beam that scores every extension."""

import math
from typing import TypeAlias

import numba
import numpy as np
import pytest

from asr.search import Fusion, FusionSettings
from asr.search.fusion.step import FusionState, advance, finish
from asr.search.fusion.tables import FusionTables
from asr.search.prefix_beam import prefix_beam_search
from tests.support.fusion_oracle import bigram_model
from tests.support.log_probs import long_log_probs

# Its probability where it ends in a blank, and in its last token; what fusion adds; the state of fusion.
Beam: TypeAlias = tuple[float, float, float, FusionState]


@pytest.mark.parametrize("beam_width", [1, 2, 3, 5])
def test_pieces_that_end_words_lose_nothing_in_a_narrow_beam(beam_width: int) -> None:
    """`BB▁` closes another word than the one that is open before it, so no bound on the open one holds for it."""
    pieces = ["<blank>", "A\u2581B", "BB\u2581", "\u2581A\u2581\u2581B"]
    fusion = Fusion(pieces, bigram_model(), settings=FusionSettings(alpha=1.0, beta=2.0))
    for seed in range(20):
        log_probs = long_log_probs(12, seed)
        expected = slow_beam(log_probs, beam_width, fusion.tables)
        [found] = prefix_beam_search(log_probs, beam_width=beam_width, fusion=fusion.tables)
        assert found.score == pytest.approx(expected, abs=1e-6)


def slow_beam(log_probs: np.ndarray, beam_width: int, tables: FusionTables) -> float:
    """The best score of a textbook beam search, every extension of which is scored by the functions of the kernel."""
    beams: dict[tuple[int, ...], Beam] = {(): (1.0, 0.0, 0.0, FusionState(tables.lm_start, 0, tables.hotwords.start))}
    for row in np.exp(log_probs).astype(float).tolist():
        extended: dict[tuple[int, ...], Beam] = {}

        def add(
            prefix: tuple[int, ...],
            blank: float,
            token: float,
            gain: float,
            state: FusionState,
            extended: dict[tuple[int, ...], Beam] = extended,
        ) -> None:
            old = extended.get(prefix, (0.0, 0.0))
            extended[prefix] = (old[0] + blank, old[1] + token, gain, state)

        for prefix, (blank, token, gain, state) in beams.items():
            add(prefix, (blank + token) * row[0], token * row[prefix[-1]] if prefix else 0.0, gain, state)
            for symbol in range(1, len(row)):
                more, after = call_advance(tables, state, symbol)
                source = blank if prefix[-1:] == (symbol,) else blank + token
                add((*prefix, symbol), 0.0, source * row[symbol], gain + more, after)
        best = sorted(extended.items(), key=lambda item: -(sum(item[1][:2]) * math.exp(item[1][2])))
        beams = dict(best[:beam_width])
    return max(math.log(b + t) + g + call_finish(tables, state) for b, t, g, state in beams.values())


@numba.njit
def call_advance(tables: FusionTables, state: FusionState, token: int) -> tuple[float, FusionState]:
    return advance(tables, state, token)


@numba.njit
def call_finish(tables: FusionTables, state: FusionState) -> float:
    return finish(tables, state, True)
