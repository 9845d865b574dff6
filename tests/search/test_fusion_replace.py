"""One language model, several sets of hot words: the shared trie gives what one that is built anew gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.search import Fusion, FusionSettings
from asr.search.fusion.lexicon import Symbols, Trie
from asr.search.prefix_beam import prefix_beam_search
from tests.support.fusion_oracle import CHARACTERS, HOTWORDS, bigram_model
from tests.support.log_probs import long_log_probs

lists_of_words = st.lists(st.text("ABCD", max_size=4), max_size=8)


def spelt(trie: Trie) -> dict[str, tuple[int, float, int, int, tuple[str, ...]]]:
    """All that a trie says of each spelling: word, best, depth, letters, and which letters go on, by its lists."""
    found, queue = {}, [("", 0)]
    for text, node in queue:
        children = range(trie.start[node], trie.start[node + 1])
        letters = [chr(ord("A") + int(trie.symbol[i]) - 1) for i in children]
        for i, letter in zip(children, letters, strict=True):
            assert trie.parent[trie.child[i]] == node
            queue.append((text + letter, int(trie.child[i])))
        numbers = int(trie.word[node]), float(trie.best[node]), int(trie.depth[node]), int(trie.letters[node])
        found[text] = (*numbers, tuple(letters))
    assert len(found) == len(trie.word) - 1
    return found


def arrays(trie: Trie) -> list[np.ndarray]:
    return [getattr(trie, name) for name in ("parent", "depth", "letters", "word", "best", "start", "symbol", "child")]


@given(words=lists_of_words, more=lists_of_words, later=lists_of_words)
def test_words_put_into_a_trie_are_those_of_a_trie_built_at_once(
    words: list[str], more: list[str], later: list[str]
) -> None:
    """No token writes E."""
    symbols = Symbols.of(["<blank>", *"ABCD"])
    known = list(dict.fromkeys(words))
    log_probs = np.linspace(-5.0, -1.0, len(known))
    ids = np.arange(3, 3 + len(known), dtype=np.int32)
    small, _ = Trie.of(symbols, known, ids, log_probs)
    added = [*more, "E", "AE", *later]
    grown = small.with_words(symbols, [*more, "E"], -3.3).with_words(symbols, ["AE", *later], -3.3)
    at_once, _ = Trie.of(
        symbols,
        [*added, *known],
        np.concatenate([np.zeros(len(added), np.int32), ids]),
        np.concatenate([np.full(len(added), -3.3), log_probs]),
    )
    assert spelt(grown) == spelt(at_once)
    assert [(len(array), array.dtype) for array in arrays(grown)] == [(len(a), a.dtype) for a in arrays(at_once)]
    assert [array[-1] for array in (grown.parent, grown.depth, grown.word)] == [len(grown.word) - 1, 0, -1]


def test_words_that_are_there_already_need_no_other_trie() -> None:
    symbols = Symbols.of(["<blank>", "A", "B"])
    trie, _ = Trie.of(symbols, ["AB", "B"], np.array([3, 4], np.int32), np.array([-1.0, -2.0]))
    assert trie.with_words(symbols, ["B", "AB", "b"], -9.0) is trie
    assert trie.with_words(symbols, ["A"], -9.0) is not trie
    assert trie.word.tolist() == [-1, -1, 3, 4, -1]


@pytest.mark.parametrize("unit", ["word", "lexicon"])
def test_other_hot_words_and_settings_score_as_if_all_were_made_anew(unit: str) -> None:
    model, settings = bigram_model(), FusionSettings.parse({"unit": unit, "alpha": 0.9}, source="here")
    shared = Fusion(CHARACTERS, model, lexicon=["BB"], hotwords={"ABAB": 2.0})
    for hotwords in (HOTWORDS, {"BBB": 3.0, "A": 0.5}, {}):
        anew = Fusion(CHARACTERS, model, settings=settings, lexicon=["BB"], hotwords=hotwords).tables
        replaced = shared.replace(settings=settings, hotwords=hotwords).tables
        for seed in range(5):
            log_probs = long_log_probs(25, seed)
            expected = prefix_beam_search(log_probs, beam_width=12, num_best=12, fusion=anew)
            assert prefix_beam_search(log_probs, beam_width=12, num_best=12, fusion=replaced) == expected


def test_the_trie_of_the_language_model_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fusion = Fusion(CHARACTERS, bigram_model())
    monkeypatch.delattr(Trie, "of")  # whoever builds one fails
    changed = fusion.replace(hotwords={"BB": 1.0}).replace(settings=FusionSettings(unit="lexicon", alpha=2.0))
    assert len(changed.tables.trie.word) == len(fusion.tables.trie.word) + 1  # one more letter, for BB
