"""Searches that make the beginning of their text final: against all paths, and against a search without."""

import itertools
import math
from collections import defaultdict
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest

from asr.search import Fusion, FusionSettings, Hypothesis, PrefixBeamStream, SearchSettings
from asr.search.decode import SearchStream, start_stream
from asr.search.greedy import GreedyStream, greedy_search
from asr.search.prefix_beam import prefix_beam_search
from tests.support.fusion_oracle import CHARACTERS, HOTWORDS, bigram_model
from tests.support.log_probs import gaussian_log_probs, long_log_probs

Scores: TypeAlias = dict[tuple[int, ...], float]
Start: TypeAlias = Callable[[], SearchStream]
BOTH = Fusion(CHARACTERS, bigram_model(), hotwords=HOTWORDS)
STARTS: dict[str, Start] = {
    "greedy": GreedyStream,
    "beam": lambda: PrefixBeamStream(4, beam_width=8),
    "fusion": lambda: PrefixBeamStream(4, beam_width=8, fusion=BOTH.tables),
}


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(token for token, _ in itertools.groupby(path) if token)


def texts_that_begin(log_probs: np.ndarray, begin: tuple[int, ...], num_frames: int) -> Scores:
    """Log-probabilities of all texts, over the paths of which the first `num_frames` frames begin with `begin`."""
    found: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        if collapse(path[:num_frames])[: len(begin)] == begin:
            found[collapse(path)] += math.exp(sum(log_probs[frame, token] for frame, token in enumerate(path)))
    return {text: math.log(prob) for text, prob in found.items()}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("pieces", [(3, 3), (2, 2, 3)], ids=str)
def test_after_a_commit_the_beam_has_all_texts_that_begin_so(seed: int, pieces: tuple[int, ...]) -> None:
    log_probs = gaussian_log_probs(sum(pieces), 3, seed)
    stream = PrefixBeamStream(3, beam_width=2000)
    done: tuple[int, ...] = ()
    cuts = list(itertools.accumulate(pieces))
    expected: Scores = {}
    for start, end in itertools.pairwise([0, *cuts]):
        stream.accept(log_probs[start:end])
        before, left = stream.partial(), (1 if end < cuts[-1] else 0)
        first = stream.commit(min(left, len(before.tokens)))
        assert stream.partial() == Hypothesis(
            before.tokens[len(first.tokens) :], before.score, before.frames[len(first.tokens) :]
        )
        if end == cuts[0]:
            expected = texts_that_begin(log_probs, first.tokens, end)
        done += first.tokens
    found = {(*done, *each.tokens): each.score for each in stream.finish(2000)}
    if len(cuts) == 2:
        assert found.keys() == expected.keys()
    assert len(found) > 3
    for text, score in found.items():
        if len(cuts) == 2:
            assert score == pytest.approx(expected[text])
        else:
            assert text[: len(done)] == done
            assert score <= expected[text] + 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_after_a_final_word_only_texts_with_a_new_word_are_left(seed: int) -> None:
    """Token 1 is the boundary; what follows is looked at where the commit is made."""
    log_probs, may_follow = gaussian_log_probs(7, 3, seed), np.array([False, True, False])
    stream = PrefixBeamStream(3, beam_width=2000)
    stream.accept(log_probs[:5])
    assert stream.end_word(1)
    best = stream.partial().tokens
    assert best[-1] == 1
    done = stream.commit(len(best) - 1, may_follow).tokens
    stream.accept(log_probs[5:])
    expected = texts_with_an_end_of_word(log_probs, 5, begin=best)
    found = {(*done, *each.tokens): each.score for each in stream.finish(2000)}
    assert found == pytest.approx(expected)
    assert len(found) > 3


def texts_with_an_end_of_word(log_probs: np.ndarray, num_frames: int, begin: tuple[int, ...] = ()) -> Scores:
    """Of all texts, if the first `num_frames` frames are to end in token 1: as if one frame more had shown it. `begin`:
    what they begin with by then.
    """
    found: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        before, after = collapse(path[:num_frames]), collapse((1, *path[num_frames:]))
        ended = before if before[-1:] == (1,) else (*before, 1)
        if ended[: len(begin)] != begin:
            continue
        found[ended + after[1:]] += math.exp(sum(log_probs[frame, token] for frame, token in enumerate(path)))
    return {text: math.log(prob) for text, prob in found.items()}


@pytest.mark.parametrize("seed", range(4))
def test_the_end_of_a_word_takes_no_frame(seed: int) -> None:
    log_probs = gaussian_log_probs(7, 3, seed)
    stream = PrefixBeamStream(3, beam_width=2000)
    stream.accept(log_probs[:4])
    before = stream.partial()
    assert stream.end_word(1)
    after = stream.partial()
    assert after.tokens[-1] == 1
    if after.tokens == (*before.tokens, 1):
        assert after.frames == (*before.frames, 4)
    stream.accept(log_probs[4:])
    found = {each.tokens: each.score for each in stream.finish(2000)}
    assert found == pytest.approx(texts_with_an_end_of_word(log_probs, 4))


def test_the_end_of_a_word_for_the_greedy_search() -> None:
    def rows(*tokens: int) -> np.ndarray:
        return np.log(np.full((len(tokens), 4), 0.01) + 0.96 * np.eye(4)[list(tokens)])

    stream = GreedyStream()
    stream.accept(rows(2, 0))
    assert stream.end_word(1)
    stream.accept(rows(1, 3, 1, 0))
    assert stream.end_word(1)
    stream.accept(rows(2))
    assert (stream.partial().tokens, stream.partial().frames) == ((2, 1, 3, 1, 2), (0, 2, 3, 4, 6))


def test_where_the_lexicon_has_no_word_that_ends_a_search_goes_on_unchanged() -> None:
    tables = Fusion(CHARACTERS, bigram_model(), settings=FusionSettings(unit="lexicon")).tables
    for letters, is_word in (((3,), False), ((3, 2), True)):  # B, of which the lexicon has only BA
        stream = PrefixBeamStream(4, beam_width=8, fusion=tables)
        with np.errstate(divide="ignore"):
            stream.accept(np.log(np.eye(4)[[*letters]]))
        before = stream.partial()
        assert stream.end_word(1) is is_word
        assert stream.partial().tokens == ((*before.tokens, 1) if is_word else before.tokens)
        assert is_word or stream.partial() == before


@pytest.mark.parametrize("name", STARTS)
def test_committing_late_changes_no_text(name: str) -> None:
    log_probs = 9 * gaussian_log_probs(400, 4, 3)
    log_probs -= np.log(np.exp(log_probs).sum(axis=1, keepdims=True))  # peaked, as a network's are
    stream, plain = STARTS[name](), STARTS[name]()
    plain.accept(log_probs)
    tokens: list[int] = []
    frames: list[int] = []
    for end in range(10, 401, 10):
        stream.accept(log_probs[end - 10 : end])
        before = stream.partial()
        done = stream.commit(sum(frame < end - 60 for frame in before.frames))
        after = stream.partial()
        assert (done.tokens + after.tokens, done.frames + after.frames) == (before.tokens, before.frames)
        assert after.score == pytest.approx(before.score)
        tokens += done.tokens
        frames += done.frames
    [rest], [whole] = stream.finish(), plain.finish()
    assert len(tokens) > 50
    assert (*tokens, *rest.tokens) == whole.tokens
    assert (*frames, *rest.frames) == whole.frames
    assert rest.score == pytest.approx(whole.score, abs=0.5)  # the freed places of the beam go to other paths


def test_memory_is_that_of_what_is_not_final() -> None:
    log_probs = long_log_probs(500, 6)
    stream = PrefixBeamStream(4, beam_width=16)
    rooms = []
    for _ in range(6):
        for piece in np.split(log_probs, 50):
            stream.accept(piece)
            stream.commit(max(0, len(stream.partial().tokens) - 5))
        rooms.append((len(stream._state.prefixes), len(stream._state.traces)))
    assert rooms[-1] == rooms[1]


def test_the_chance_of_a_word_does_not_add_up_over_silence_that_is_final() -> None:
    silence = np.log(np.tile([0.997, 0.001, 0.001, 0.001], (50, 1)))
    word = np.log(np.tile([0.02, 0.02, 0.94, 0.02], (2, 1)))
    stream, plain = PrefixBeamStream(4, beam_width=8), PrefixBeamStream(4, beam_width=8)
    for _ in range(100):
        stream.accept(silence)
        plain.accept(silence)
        stream.drop_others()
    assert stream.partial().tokens == ()
    assert stream.partial().score == pytest.approx(5000 * math.log(0.997))
    assert len(plain.partial().tokens) > 0
    stream.accept(word)
    assert stream.partial().tokens == (2,)


@pytest.mark.parametrize("name", STARTS)
def test_a_copy_goes_its_own_way(name: str) -> None:
    log_probs = long_log_probs(90, 7)
    stream, alone = STARTS[name](), STARTS[name]()
    for each in (stream, alone):
        each.accept(log_probs[:40])
    other = stream.copy()
    other.accept(log_probs[60:])
    other.commit(2)
    stream.accept(log_probs[40:60])
    alone.accept(log_probs[40:60])
    assert stream.finish() == alone.finish()
    assert other.partial() != stream.partial()


def test_greedy_in_pieces_is_greedy_of_the_whole() -> None:
    log_probs = long_log_probs(300, 8)
    whole = greedy_search(log_probs)
    for size in (1, 7, 100):
        stream = GreedyStream()
        for start in range(0, 300, size):
            stream.accept(log_probs[start : start + size])
        [found] = stream.finish()
        assert (found.tokens, found.frames) == (whole.tokens, whole.frames)
        assert found.score == pytest.approx(whole.score)


def test_the_settings_choose_the_search() -> None:
    log_probs = long_log_probs(50, 9)
    assert isinstance(start_stream(4, SearchSettings()), GreedyStream)
    settings = SearchSettings(method="beam", beam_width=5, max_tokens=2, beam_threshold=4.0)
    stream = start_stream(4, settings, BOTH)
    stream.accept(log_probs)
    expected = prefix_beam_search(log_probs, beam_width=5, max_tokens=2, beam_threshold=4.0, fusion=BOTH.tables)
    assert stream.finish() == expected
