"""A recogniser and a manifest's utterances -> hypotheses and their score."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from asr.batching import batches_by_length
from asr.corpus.manifest import Utterance
from asr.corpus.utterances import load_utterance
from asr.ctc import BLANK_ID
from asr.ctc_loss import ctc_losses
from asr.errors import TokensError
from asr.recognizer import Recognizer
from asr.scoring import Score, score
from asr.scoring.score import refuse_no_words
from asr.tokens import Tokens

_BATCH_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`loss`: CTC loss per reference token, over the utterances to whose text the model gives a probability above zero.

    `blank_ratio`: share of the frames, 0 to 1, in which the blank is the likeliest token.
    """

    score: Score
    loss: float
    blank_ratio: float


@dataclass(frozen=True, slots=True)
class UtteranceResult:
    """The result of recognising one utterance. `loss`: natural log, None if its text has probability zero or cannot be
    written in the model's tokens; `num_tokens`: of that text; `num_blanks` of `num_frames` have the blank on top.
    """

    hypothesis: str
    loss: float | None
    num_tokens: int
    num_blanks: int
    num_frames: int


def evaluate(recognizer: Recognizer, utterances: Sequence[Utterance]) -> Evaluation:
    """Recognise every utterance and score it against its text.

    Raises:
        AudioError: a sound file cannot be used.
        ScoringError: the texts have no words.
    """
    refuse_no_words([utterance.text for utterance in utterances])
    return summarise(utterances, recognise(recognizer, utterances))


def recognise(recognizer: Recognizer, utterances: Sequence[Utterance]) -> list[UtteranceResult]:
    """The results for all utterances, in their order.

    Raises:
        AudioError: a sound file cannot be used.
    """
    found: dict[int, UtteranceResult] = {}
    for batch, all_log_probs in batches_of_log_probs(recognizer, utterances):
        for index, log_probs, best in zip(batch, all_log_probs, recognizer.decode(all_log_probs), strict=True):
            tokens = _tokens(recognizer.tokens, utterances[index].text)
            loss = math.inf if tokens is None else _ctc_loss(log_probs, tokens)
            found[index] = UtteranceResult(
                hypothesis=recognizer.tokens.decode(best.tokens),
                loss=loss if loss < math.inf else None,
                num_tokens=len(tokens or ()),
                num_blanks=int((log_probs.argmax(axis=1) == BLANK_ID).sum()),
                num_frames=len(log_probs),
            )
    return [found[index] for index in range(len(utterances))]


def summarise(utterances: Sequence[Utterance], results: Sequence[UtteranceResult]) -> Evaluation:
    """The score of the results.

    Raises:
        ScoringError: the texts have no words.
    """
    losses = [result for result in results if result.loss is not None]
    return Evaluation(
        score(
            [utterance.text for utterance in utterances],
            [result.hypothesis for result in results],
            ids=[utterance.id for utterance in utterances],
            facts=[_facts(utterance) for utterance in utterances],
        ),
        loss=math.fsum(r.loss or 0.0 for r in losses) / max(1, sum(r.num_tokens for r in losses)),
        blank_ratio=sum(r.num_blanks for r in results) / max(1, sum(r.num_frames for r in results)),
    )


def _facts(utterance: Utterance) -> dict[str, str | float]:
    facts = {"speaker": utterance.speaker, "duration": utterance.duration, "offset": utterance.offset}
    return {name: value for name, value in facts.items() if value is not None}


def batches_of_log_probs(
    recognizer: Recognizer, utterances: Sequence[Utterance]
) -> Iterator[tuple[list[int], list[Float[np.ndarray, "_ vocab"]]]]:
    """For each batch, its utterances and their log-probabilities.

    Raises:
        AudioError: a sound file cannot be used.
    """
    if not utterances:
        return
    for batch in batches_by_length([u.duration for u in utterances], _BATCH_SECONDS):
        yield batch, recognizer.log_probs([load_utterance(utterances[index]) for index in batch])


def unwritable_words(tokens: Tokens, utterances: Sequence[Utterance]) -> tuple[list[str], int]:
    """The words of the texts that a recogniser with these tokens can never write, such as numbers in digits, or another
    letter case than that of the training texts; and how many words there are in all.
    """
    words = [word for utterance in utterances for word in utterance.text.split()]
    return [word for word in words if not tokens.alphabet.issuperset(word)], len(words)


def _tokens(tokens: Tokens, text: str) -> list[int] | None:
    """None for a text outside the alphabet; in the score its words still count as errors."""
    try:
        return tokens.encode(text)
    except TokensError:
        return None


def _ctc_loss(log_probs: Float[np.ndarray, "frames vocab"], tokens: list[int]) -> float:
    num_frames, num_tokens = torch.tensor([len(log_probs)]), torch.tensor([len(tokens)])
    return float(
        ctc_losses(torch.from_numpy(log_probs[None]), num_frames, torch.tensor(tokens, dtype=torch.long), num_tokens)
    )
