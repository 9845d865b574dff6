"""Search, against the sum over every path, and against the textbook's beam search for beams too narrow to be exact."""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asr.errors import SearchError, SettingsError
from asr.search import Hypothesis, SearchSettings, search
from asr.search.greedy import greedy_search
from asr.search.prefix_beam import prefix_beam_search
from tests.support.log_probs import gaussian_log_probs, log_of, log_softmax

ALL = 10_000  # more than any case here has prefixes


def collapse(path: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What a path writes, and the frames at which its tokens start."""
    frame, tokens, frames = 0, [], []
    for token, run in groupby(path):
        if token:
            tokens.append(token)
            frames.append(frame)
        frame += len(list(run))
    return tuple(tokens), tuple(frames)


def paths(log_probs: np.ndarray) -> Iterator[tuple[tuple[int, ...], float]]:
    """Every path, with its log-probability."""
    rows = log_probs.tolist()
    for path in product(range(log_probs.shape[1]), repeat=len(rows)):
        yield path, sum(row[token] for row, token in zip(rows, path, strict=True))


def text_scores(log_probs: np.ndarray) -> dict[tuple[int, ...], float]:
    """The log-probability of every text that has a path of probability above zero."""
    totals: dict[tuple[int, ...], float] = {}
    for path, score in paths(log_probs):
        tokens, _ = collapse(path)
        totals[tokens] = totals.get(tokens, 0.0) + math.exp(score)
    return {tokens: math.log(total) for tokens, total in totals.items() if total > 0}


def likeliest_frames(log_probs: np.ndarray, tokens: tuple[int, ...]) -> set[tuple[int, ...]]:
    """Where the tokens start on the likeliest path that writes them; several where paths are equally likely."""
    scored = [(score, collapse(path)[1]) for path, score in paths(log_probs) if collapse(path)[0] == tokens]
    best = max(score for score, _ in scored)
    return {frames for score, frames in scored if score >= best - 1e-9}


@st.composite
def random_log_probs(draw: st.DrawFn) -> np.ndarray:
    """Up to 5 frames of up to 4 tokens; some tokens have probability zero."""
    num_frames, vocab = draw(st.integers(0, 5)), draw(st.integers(1, 4))
    logits = st.floats(-4, 4) | st.just(-math.inf)
    row = st.lists(logits, min_size=vocab, max_size=vocab).filter(lambda values: max(values) > -math.inf)
    rows = draw(st.lists(row, min_size=num_frames, max_size=num_frames))
    return log_softmax(torch.tensor(rows, dtype=torch.float64).reshape(num_frames, vocab))


def textbook_beam(log_probs: np.ndarray, beam_width: int) -> list[tuple[tuple[int, ...], float]]:
    """Hannun et al. (2014), algorithm 1, in probabilities: prefix -> (ends in blank, ends in its last token)."""
    beams: dict[tuple[int, ...], tuple[float, float]] = {(): (1.0, 0.0)}
    for row in np.exp(log_probs).tolist():
        extended: dict[tuple[int, ...], tuple[float, float]] = {}
        for prefix, (blank, token) in beams.items():
            moves = [(prefix, (blank + token) * row[0], 0.0)]
            for symbol in range(1, len(row)):
                if prefix[-1:] == (symbol,):
                    moves += [(prefix, 0.0, token * row[symbol]), ((*prefix, symbol), 0.0, blank * row[symbol])]
                else:
                    moves.append(((*prefix, symbol), 0.0, (blank + token) * row[symbol]))
            for target, more_blank, more_token in moves:
                old_blank, old_token = extended.get(target, (0.0, 0.0))
                extended[target] = (old_blank + more_blank, old_token + more_token)
        beams = dict(sorted(extended.items(), key=lambda item: -sum(item[1]))[:beam_width])
    return [(prefix, math.log(sum(ends))) for prefix, ends in beams.items() if sum(ends) > 0]


# --- prefix beam search -----------------------------------------------------------------------------------------------


@given(random_log_probs())
def test_a_wide_beam_finds_every_text_with_its_exact_score_best_first(log_probs: np.ndarray) -> None:
    expected = text_scores(log_probs)
    found = prefix_beam_search(log_probs, beam_width=ALL, num_best=ALL)
    assert len(found) == len(expected)
    assert {hypothesis.tokens: hypothesis.score for hypothesis in found} == pytest.approx(expected, abs=1e-9)
    assert all(better.score >= worse.score for better, worse in pairwise(found))
    [best] = prefix_beam_search(log_probs, beam_width=ALL)
    assert best == found[0]
    assert best.score == pytest.approx(max(expected.values()), abs=1e-9)


@given(random_log_probs())
def test_the_frames_of_a_wide_beam_are_those_of_the_likeliest_path(log_probs: np.ndarray) -> None:
    for hypothesis in prefix_beam_search(log_probs, beam_width=ALL, num_best=3):
        assert hypothesis.frames in likeliest_frames(log_probs, hypothesis.tokens)


@given(random_log_probs(), st.integers(1, 6))
def test_any_beam_gives_real_texts_and_never_more_than_their_probability(
    log_probs: np.ndarray, beam_width: int
) -> None:
    expected = text_scores(log_probs)
    found = prefix_beam_search(log_probs, beam_width=beam_width, num_best=beam_width)
    assert 1 <= len(found) <= beam_width
    assert len({hypothesis.tokens for hypothesis in found}) == len(found)
    for tokens, score, frames in ((h.tokens, h.score, h.frames) for h in found):
        assert score <= min(0.0, expected[tokens] + 1e-9)
        assert len(frames) == len(tokens)
        assert all(0 <= frame < len(log_probs) for frame in frames)
        assert all(earlier < later for earlier, later in pairwise(frames))


@pytest.mark.parametrize("beam_width", [1, 2, 3, 5, 8, 20])
@pytest.mark.parametrize("seed", range(5))
def test_a_narrow_beam_over_many_frames_is_that_of_the_textbook(beam_width: int, seed: int) -> None:
    """Prefixes are pruned here, come back through their parents, and merge with those that stayed."""
    log_probs = gaussian_log_probs(40, 4, seed)
    found = prefix_beam_search(log_probs, beam_width=beam_width, num_best=beam_width)
    expected = textbook_beam(log_probs, beam_width)
    assert [hypothesis.tokens for hypothesis in found] == [tokens for tokens, _ in expected]
    assert [hypothesis.score for hypothesis in found] == pytest.approx([score for _, score in expected], abs=1e-8)


def test_the_textbook_version_here_is_exact_too_when_wide() -> None:
    log_probs = gaussian_log_probs(5, 3, seed=0)
    assert dict(textbook_beam(log_probs, ALL)) == pytest.approx(text_scores(log_probs), abs=1e-9)


def test_a_token_starts_where_it_is_likely_not_where_its_prefix_was_first_thought_of() -> None:
    probabilities = np.full((30, 3), 0.01)
    probabilities[:, 0] = 0.98
    probabilities[20] = [0.01, 0.98, 0.01]
    [best] = prefix_beam_search(np.log(probabilities), beam_width=8)
    assert (best.tokens, best.frames) == ((1,), (20,))


@pytest.mark.parametrize(("beam_width", "num_best"), [(0, 1), (-1, 1), (4, 0)])
def test_widths_below_one_are_refused(beam_width: int, num_best: int) -> None:
    with pytest.raises(SearchError, match="expected one or more"):
        prefix_beam_search(gaussian_log_probs(3, 3, 0), beam_width=beam_width, num_best=num_best)


# --- greedy search ----------------------------------------------------------------------------------------------------


@given(random_log_probs())
def test_greedy_is_the_likeliest_path(log_probs: np.ndarray) -> None:
    found = greedy_search(log_probs)
    best = max(score for _, score in paths(log_probs))
    assert found.score == pytest.approx(best, abs=1e-9)
    assert (found.tokens, found.frames) in [collapse(path) for path, score in paths(log_probs) if score >= best - 1e-9]


def test_the_likeliest_path_need_not_be_that_of_the_likeliest_text() -> None:
    log_probs = log_of([[0.6, 0.4], [0.6, 0.4]])
    greedy, [best] = greedy_search(log_probs), prefix_beam_search(log_probs, beam_width=4)
    assert (greedy.tokens, math.exp(greedy.score)) == ((), pytest.approx(0.36))
    assert (best.tokens, math.exp(best.score)) == ((1,), pytest.approx(0.16 + 0.24 + 0.24))


# --- both -------------------------------------------------------------------------------------------------------------

METHODS = [SearchSettings(method="greedy"), SearchSettings(method="beam", beam_width=8)]
each_method = pytest.mark.parametrize("settings", METHODS, ids=lambda settings: settings.method)


@each_method
def test_no_frames_write_nothing_for_sure(settings: SearchSettings) -> None:
    assert search(np.zeros((0, 4)), settings) == Hypothesis((), 0.0, ())


@each_method
def test_probability_zero_is_fine(settings: SearchSettings) -> None:
    log_probs = log_of([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert search(log_probs, settings) == Hypothesis((1, 1, 2), 0.0, (0, 2, 3))


@each_method
def test_ties_are_always_broken_the_same_way(settings: SearchSettings) -> None:
    log_probs = log_of(np.full((1, 3), 1 / 3))
    assert search(log_probs, settings).tokens == ()
    assert search(log_of([[0.2, 0.4, 0.4]]), settings).tokens == (1,)
    even = log_of(np.full((12, 4), 0.25))
    assert len({search(even, settings) for _ in range(5)}) == 1


PROBABILITIES = np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]])
BROKEN = {
    "NaN": (np.array([[0.0, math.nan]]), "NaN"),
    "logits": (np.array([[-1.0, 2.0, 0.5], [0.0, 0.0, 0.0]]), "frame 0 sum to 9.406, expected 1"),
    "probabilities": (PROBABILITIES, "not logits or probabilities"),
    "a row too small": (log_of([*PROBABILITIES, [0.3, 0.3, 0.3]]), "frame 2 sum to 0.9"),
    "a row of zeros": (np.full((1, 3), -math.inf), "frame 0 sum to 0"),
    "no tokens": (np.zeros((0, 0)), "no tokens; expected the blank"),
    "infinity": (np.array([[0.0, math.inf]]), "sum to inf"),
}


@each_method
@pytest.mark.parametrize("name", BROKEN)
def test_what_are_not_log_probabilities_is_refused(settings: SearchSettings, name: str) -> None:
    log_probs, message = BROKEN[name]
    with pytest.raises(SearchError, match=message):
        search(log_probs, settings)


def test_settings_choose_the_method_and_refuse_a_beam_without_width() -> None:
    log_probs = log_of([[0.6, 0.4], [0.6, 0.4]])
    assert [search(log_probs, settings).tokens for settings in METHODS] == [(), (1,)]
    with pytest.raises(SettingsError, match="beam_width"):
        SearchSettings.parse({"method": "beam", "beam_width": 0}, source="x")


@pytest.mark.parametrize("beam_width", [1, 2, 7, 100])
def test_ties_everywhere_are_no_more_than_the_beam_can_hold(beam_width: int) -> None:
    even = log_of(np.full((6, 40), 1 / 40))
    found = prefix_beam_search(even, beam_width=beam_width, num_best=beam_width)
    assert len(found) == len({hypothesis.tokens for hypothesis in found}) == beam_width
