"""The network in NumPy, against PyTorch and a loop over its equations."""

import numpy as np
import pytest
import torch

from asr.text.letters import letter_buckets
from asr.text.tagger import Tagger, TaggerSettings
from recipes.english.tagger_network import Letters, NetworkSettings, TaggerNetwork
from tests.support.taggers import WORDS, random_tagger


def network_and_tagger() -> tuple[TaggerNetwork, Tagger]:
    torch.manual_seed(3)
    settings = NetworkSettings(vocabulary_size=5, num_buckets=13, vector_size=6, hidden_size=4, num_layers=2)
    network = TaggerNetwork(settings).eval()
    return network, network.tagger(WORDS[:5], {}, TaggerSettings())


def test_log_probabilities_are_those_of_the_network_that_was_trained() -> None:
    network, tagger = network_and_tagger()
    kinds = [*WORDS[:5], "unseen", "words"]
    text = np.array([[0, 5, 2, 2, 6, 1, 4], [3, 3, 1, 6, 0, 5, 2]])
    places = torch.tensor([0, 1, 2, 3, 4, 5, 5])  # 5: not in the vocabulary
    bags = Letters(kinds, 13).bags(np.arange(7))
    with torch.no_grad():
        scores = network(places, *bags, torch.from_numpy(text)).double()
    expected = torch.cat([scores[..., :4].log_softmax(2), scores[..., 4:].log_softmax(2)], 2).numpy()
    vectors = np.stack([[tagger.vector(kinds[word].upper()) for word in row] for row in text])
    found = tagger.log_probs(vectors, np.ones(text.shape, bool))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_is_not_there_changes_nothing() -> None:
    tagger = random_tagger()
    vectors = np.random.default_rng(1).normal(size=(1, 9, 5)).astype(np.float32)
    present = np.array([[False, False, True, True, True, True, True, False, False]])
    alone = tagger.log_probs(vectors[:, 2:7], np.ones((1, 5), bool))
    np.testing.assert_allclose(tagger.log_probs(vectors, present)[:, 2:7], alone, atol=1e-6)


def test_a_word_that_was_never_seen_is_the_mean_of_its_letters() -> None:
    tagger = random_tagger()
    mean = sum(tagger.letters[bucket] for bucket in letter_buckets("zebra", 11)) / len(letter_buckets("zebra", 11))
    np.testing.assert_allclose(tagger.vector("ZEBRA"), mean, atol=1e-6)
    letters_of_cat = random_tagger().letters[letter_buckets("cat", 11)].mean(axis=0)
    np.testing.assert_allclose(tagger.vector("Cat"), letters_of_cat + tagger.words[1], atol=1e-6)


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_no_overflow(size: float) -> None:
    tagger = random_tagger()
    with np.errstate(all="raise", under="ignore"):
        found = tagger.log_probs(np.full((1, 3, 5), size, np.float32), np.ones((1, 3), bool))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(np.exp(found[..., :4]).sum(axis=2), 1, atol=1e-5)
