"""Two utterances as one: their sounds, their tokens, and the batches that they are in."""

from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asr.corpus.augment import AugmentSettings, ConcatenationSettings
from asr.corpus.batches import BatchSettings, TrainingBatches
from asr.corpus.concatenation import PAUSE_SECONDS, concatenate, pair_up, seconds, separator
from asr.corpus.manifest import read_manifest
from asr.corpus.waveforms import Example
from asr.errors import SettingsError
from asr.model import AcousticModel
from asr.model_settings import ModelSettings
from asr.tokens import Tokens, TokenSettings
from tests.support.tones import random_texts, write_corpus

TEXTS = ["THE QUICK BROWN FOX", "JUMPS OVER THE LAZY DOG", "A", "DOG"]
PLAIN: dict[str, Any] = {"speeds": (1.0,), "noise_share": 0.0}


@given(
    durations=st.lists(st.floats(0.1, 8), min_size=1, max_size=60),
    share=st.floats(0, 1),
    seed=st.integers(0, 1000),
)
def test_each_utterance_is_there_once_and_pairs_are_short_enough(
    durations: list[float], share: float, seed: int
) -> None:
    units = pair_up(durations, share=share, max_seconds=6.0, rng=np.random.default_rng(seed))
    assert sorted(index for unit in units for index in unit) == list(range(len(durations)))
    assert {len(unit) for unit in units} <= {1, 2}
    for unit in units:
        if len(unit) == 2:
            assert durations[unit[0]] + PAUSE_SECONDS + durations[unit[1]] <= 6.0


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_as_many_are_paired_as_was_asked_for(share: float) -> None:
    units = pair_up([1.0] * 2000, share=share, max_seconds=3.0, rng=np.random.default_rng(1))
    assert sum(len(unit) == 2 for unit in units) / 1000 == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(("kind", "size"), [("char", 4), ("bpe", 30), ("unigram", 30)])
def test_the_tokens_of_two_texts_are_those_of_the_joined_text(
    kind: Literal["char", "bpe", "unigram"], size: int
) -> None:
    tokens, _ = Tokens.train(TEXTS * 5, TokenSettings(kind=kind, vocab_size=size))
    between = separator(tokens)
    assert len(between) == (kind == "char")
    for first, second in pairwise(TEXTS):
        assert (*tokens.encode(first), *between, *tokens.encode(second)) == (*tokens.encode(f"{first} {second}"),)


def test_the_pause_is_as_quiet_as_the_quietest_of_the_two(speechlike: np.ndarray) -> None:
    quiet = 0.01 * np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    first, second = speechlike + np.float32(0.05), quiet
    both = concatenate(first, second, np.random.default_rng(1))
    assert np.array_equal(both[: len(first)], first)
    assert np.array_equal(both[-len(second) :], second)
    pause = both[len(first) : -len(second)]
    assert len(pause) == 0.4 * 16_000
    assert float(np.sqrt(np.mean(pause**2))) == pytest.approx(0.01, rel=0.2)


@pytest.mark.parametrize("subsampling", [2, 4, 8])
def test_two_texts_that_fit_into_their_sounds_fit_into_both(subsampling: Literal[2, 3, 4, 8]) -> None:
    model = AcousticModel(
        ModelSettings(subsampling=subsampling, conv_channels=1, num_layers=1, hidden_size=1),
        vocab_size=9,
        sample_rate=16_000,
    )
    lengths = torch.arange(1600, 1600 + 2 * 1280, 37)
    frames = model.num_output_frames(lengths)
    both = lengths[:, None] + lengths[None, :] + round(PAUSE_SECONDS * 16_000)
    joined = model.num_output_frames(both.flatten()).view_as(both)
    # One more for the separator, or for the blank between two equal tokens.
    assert bool((joined >= frames[:, None] + frames[None, :] + 1).all())


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Example], Tokens]:
    folder = tmp_path_factory.mktemp("corpus")
    utterances = read_manifest(write_corpus(folder, "train", random_texts(40, seed=1), seed=1))
    tokens, _ = Tokens.train([utterance.text for utterance in utterances], TokenSettings())
    return [Example(utterance, tuple(tokens.encode(utterance.text))) for utterance in utterances], tokens


def batches(corpus: tuple[list[Example], Tokens], seed: int = 1, workers: int = 0, **augment: Any) -> TrainingBatches:
    examples, tokens = corpus
    pairs = ConcatenationSettings(share=0.8, max_seconds=3.0)
    settings = AugmentSettings(concatenation=pairs, **augment)
    return TrainingBatches(examples, BatchSettings(settings, 5.0, seed, workers), separator=separator(tokens))


def test_a_pair_has_the_words_and_the_sound_of_both(corpus: tuple[list[Example], Tokens]) -> None:
    examples, tokens = corpus
    by_id = {example.utterance.id: example.utterance for example in examples}
    seen, pairs = [], 0
    for batch in batches(corpus, **PLAIN).epoch(1):
        targets = batch.targets.split(batch.num_tokens.tolist())
        for name, ids, num_samples in zip(batch.ids, targets, batch.num_samples.tolist(), strict=True):
            parts = [by_id[part] for part in name.split("+")]
            seen += parts
            pairs += len(parts) == 2
            assert tokens.decode(ids.tolist()) == " ".join(part.text for part in parts)
            assert num_samples / 16_000 == pytest.approx(sum(p.duration for p in parts) + 0.4 * (len(parts) - 1))
    assert sorted(part.id for part in seen) == sorted(by_id)
    assert pairs > 8


def test_batches_with_pairs_keep_to_the_budget_and_change_from_epoch_to_epoch(
    corpus: tuple[list[Example], Tokens],
) -> None:
    source = batches(corpus, **PLAIN)
    durations = [example.utterance.duration for example in corpus[0]]
    pairs = []
    for epoch in (1, 2):
        plan = source.plan(epoch)
        assert all(len(batch) * max(seconds(unit, durations) for unit in batch) <= 5.0 for batch in plan)
        assert all(batch.waveforms.numel() / 16_000 <= 5.001 for batch in source.epoch(epoch))
        pairs.append({unit for batch in plan for unit in batch if len(unit) == 2})
    assert pairs[0] != pairs[1]
    assert source.plan(1) == batches(corpus, **PLAIN).plan(1)


def test_a_pair_never_makes_a_batch_that_is_too_long(corpus: tuple[list[Example], Tokens]) -> None:
    settings = AugmentSettings(concatenation=ConcatenationSettings(share=1.0, max_seconds=60.0))
    source = TrainingBatches(corpus[0] * 5, BatchSettings(settings, 1.5, seed=1), separator=())
    durations = [example.utterance.duration for example in corpus[0] * 5]
    pairs = [unit for batch in source.plan(1) for unit in batch if len(unit) == 2]
    assert pairs
    assert max(seconds(unit, durations) for unit in pairs) <= 1.5


def test_noise_in_the_place_of_one_of_a_pair_has_no_separator(corpus: tuple[list[Example], Tokens]) -> None:
    (space,) = separator(corpus[1])
    found = set()
    for seed in range(4):
        for batch in batches(corpus, seed, speeds=(1.0,), noise_share=0.5).epoch(1):
            for name, ids in zip(batch.ids, batch.targets.split(batch.num_tokens.tolist()), strict=True):
                if "+" in name:
                    found.add(len(ids) == 0)
                    assert not {space} & {*ids[:1].tolist(), *ids[-1:].tolist()}
    assert found == {True, False}


def test_concatenation_without_a_separator_is_refused(corpus: tuple[list[Example], Tokens]) -> None:
    settings = AugmentSettings(concatenation=ConcatenationSettings(share=0.5))
    with pytest.raises(SettingsError, match=r"augment\.concatenation"):
        TrainingBatches(corpus[0], BatchSettings(settings, 5.0, seed=1))
