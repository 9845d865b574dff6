"""Beam-search decoders with one interface, for `benchmarks/search.py`: ours and those of three other packages.

All are asked for the same: natural-log probabilities of single-character tokens in, the sum over all paths of a text,
the best text out; the language model weighted by `alpha` in natural logs, `beta` for each word.
"""

import importlib
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from asr.lm.arpa import read_arpa
from asr.search import Fusion, FusionSettings, SearchSettings, search_batch
from asr.tokens import Tokens

BLANK_ID, UNKNOWN_ID = 0, 1
WORD_START = "\u2581"


_IMPROBABLE = -30.0  # pyctcdecode takes everything below log 1e-15 = -34.5 for that


@dataclass(frozen=True, slots=True)
class Beam:
    """Prefixes kept, tokens looked at in a frame, and how many nats below the best a prefix is dropped."""

    width: int = 100
    max_tokens: int = 20
    threshold: float = 25.0


@dataclass(frozen=True, slots=True)
class WordModel:
    """A word n-gram model, its words without <unk>, <s> and </s>, and its weights: the defaults of pyctcdecode."""

    arpa: Path
    words: tuple[str, ...]
    alpha: float = 0.5
    beta: float = 1.5
    unknown: float = -10.0


@dataclass(frozen=True, slots=True)
class Decoder:
    """`prepare` what it reads, `decode` that (this is timed), and write the result as `text`."""

    name: str
    prepare: Callable[[np.ndarray], Any]
    decode: Callable[[Any], Any]
    text: Callable[[Any], str]


def ours(tokens: Tokens, beam: Beam, model: WordModel | None = None, *, lexicon: bool = False) -> Decoder:
    settings = SearchSettings(
        method="beam", beam_width=beam.width, max_tokens=beam.max_tokens, beam_threshold=beam.threshold
    )
    fusion = None
    if model is not None:
        # The penalty of unknown words is for each letter here, for each word with pyctcdecode: each has its default.
        weights = FusionSettings(unit="lexicon" if lexicon else "word", alpha=model.alpha, beta=model.beta)
        fusion = Fusion(tokens.pieces, read_arpa(model.arpa), settings=weights)
    return Decoder(
        f"ours, threshold {beam.threshold:g}",
        prepare=lambda log_probs: log_probs,
        decode=lambda log_probs: search_batch([log_probs], settings, fusion)[0][0],
        text=lambda hypothesis: tokens.decode(hypothesis.tokens),
    )


def flashlight(tokens: Tokens, beam: Beam) -> Decoder:
    """flashlight-text without a lexicon and without a language model."""
    library = importlib.import_module("flashlight.lib.text.decoder")
    options = library.LexiconFreeDecoderOptions(
        beam_size=beam.width,
        beam_size_token=beam.max_tokens,
        beam_threshold=beam.threshold,
        lm_weight=0.0,
        sil_score=0.0,
        log_add=True,
        criterion_type=library.CriterionType.CTC,
    )
    boundary = tokens.pieces.index(WORD_START)
    decoder = library.LexiconFreeDecoder(options, library.ZeroLM(), boundary, BLANK_ID, [])
    return Decoder(
        f"flashlight-text, threshold {beam.threshold:g}",
        prepare=np.ascontiguousarray,
        decode=lambda emissions: _flashlight_best(decoder, emissions),
        text=lambda result: tokens.decode([token for token, _ in groupby(result.tokens) if token != BLANK_ID]),
    )


def flashlight_lexicon(tokens: Tokens, beam: Beam, model: WordModel) -> Decoder:
    """flashlight-text with a lexicon and a KenLM model, set up as torchaudio's `ctc_decoder` does.

    Words are spelt with the token of the boundary at their end, for so a last letter can be held over frames. The last
    word needs one as well: a frame of it is put behind each utterance.
    """
    library = importlib.import_module("flashlight.lib.text.decoder")
    kenlm = importlib.import_module("flashlight.lib.text.decoder.kenlm")
    words = importlib.import_module("flashlight.lib.text.dictionary").Dictionary()
    for word in (*model.words, "<unk>"):
        words.add_entry(word)
    lm = kenlm.KenLM(str(model.arpa), words)
    boundary = tokens.pieces.index(WORD_START)
    trie = library.Trie(len(tokens), boundary)
    for word in model.words:
        index = words.get_index(word)
        trie.insert([*tokens.encode(word), boundary], index, lm.score(lm.start(False), index)[1])
    trie.smear(library.SmearingMode.MAX)
    options = library.LexiconDecoderOptions(
        beam_size=beam.width,
        beam_size_token=beam.max_tokens,
        beam_threshold=beam.threshold,
        lm_weight=model.alpha * math.log(10),  # KenLM's scores are log10
        word_score=model.beta,
        unk_score=-math.inf,
        sil_score=0.0,
        log_add=True,
        criterion_type=library.CriterionType.CTC,
    )
    unknown = words.get_index("<unk>")
    decoder = library.LexiconDecoder(options, trie, lm, boundary, BLANK_ID, unknown, [], False)
    end = np.full((1, len(tokens)), -30.0, np.float32)
    end[0, boundary] = 0.0
    return Decoder(
        f"flashlight-text, threshold {beam.threshold:g}",
        prepare=lambda log_probs: np.concatenate([log_probs, end]),
        decode=lambda emissions: _flashlight_best(decoder, emissions),
        text=lambda result: " ".join(words.get_entry(word) for word in result.words if word >= 0),
    )


def _flashlight_best(decoder: Any, emissions: np.ndarray) -> Any:
    """The best result only: `decoder.decode` would also list the others, which ours does not either."""
    decoder.decode_begin()
    decoder.decode_step(emissions.ctypes.data, *emissions.shape)
    decoder.decode_end()
    return decoder.get_best_hypothesis(0)


def pyctcdecode(
    tokens: Tokens, beam: Beam, model: WordModel | None = None, *, least_log_prob: float | None = -5.0
) -> Decoder:
    """pyctcdecode: a least log-probability of tokens, by default -5; if None, the `beam.max_tokens` likeliest instead,
    as the others have it: it knows no such limit, so the other tokens are made improbable beforehand.
    """
    library = importlib.import_module("pyctcdecode")
    logging.getLogger("pyctcdecode").setLevel(logging.ERROR)  # it warns of small vocabularies and odd alphabets
    labels = ["", "\u2047", *(piece.replace(WORD_START, " ") for piece in tokens.pieces[2:])]
    if model is None:
        decoder = library.build_ctcdecoder(labels)
    else:
        importlib.import_module("kenlm")  # without it, pyctcdecode would fail with a NameError
        decoder = library.build_ctcdecoder(
            labels,
            str(model.arpa),
            list(model.words),
            alpha=model.alpha,
            beta=model.beta,
            unk_score_offset=model.unknown,
        )
    limit = "at most 20 tokens" if least_log_prob is None else f"tokens above {least_log_prob:g}"
    least = _IMPROBABLE if least_log_prob is None else least_log_prob
    return Decoder(
        f"pyctcdecode, threshold {beam.threshold:g}, {limit}",
        prepare=lambda log_probs: _likeliest(log_probs, beam.max_tokens) if least_log_prob is None else log_probs,
        decode=lambda logits: decoder.decode(
            logits, beam_width=beam.width, beam_prune_logp=-beam.threshold, token_min_logp=least
        ),
        text=str,
    )


def _likeliest(log_probs: np.ndarray, num_tokens: int) -> np.ndarray:
    """The log-probabilities with all but the likeliest tokens of each frame made improbable."""
    least = np.sort(log_probs, axis=1)[:, -num_tokens:][:, :1]
    return np.where(log_probs < least, 2 * _IMPROBABLE, np.maximum(log_probs, 2 * _IMPROBABLE)).astype(np.float32)


def fast_ctc_decode(tokens: Tokens, beam: Beam, *, least_prob: float) -> Decoder:
    """fast-ctc-decode: no limit of tokens and no threshold of prefixes, but a least probability of tokens."""
    library = importlib.import_module("fast_ctc_decode")
    alphabet = ["\0", "\1", *(piece.replace(WORD_START, " ") for piece in tokens.pieces[2:])]
    return Decoder(
        f"fast-ctc-decode, tokens above {math.log(least_prob):.3g}" if least_prob else "fast-ctc-decode",
        prepare=lambda log_probs: np.ascontiguousarray(np.exp(log_probs)),
        decode=lambda probs: library.beam_search(probs, "".join(alphabet), beam.width, least_prob)[0],
        text=lambda text: " ".join(text.split()),
    )


def words_of(arpa: Path, tokens: Tokens) -> tuple[str, ...]:
    """The words of an ARPA file that the tokens can write."""
    words = read_arpa(arpa).vocabulary.words()[3:]
    return tuple(word for word in words if tokens.alphabet.issuperset(word))


def has_single_characters(pieces: Sequence[str]) -> bool:
    return all(len(piece) == 1 for piece in pieces[UNKNOWN_ID + 1 :])
