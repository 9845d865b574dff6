"""A recogniser and a manifest's utterances -> hypotheses and their score."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from asr.corpus.batches import load_utterance, plan_batches
from asr.corpus.manifest import Utterance
from asr.errors import TokensError
from asr.recognizer import Recognizer
from asr.scoring import Score, score
from asr.tokens import BLANK_ID, Tokens

_BATCH_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`loss`: CTC loss per reference token, over the utterances whose text the model gives a probability above zero.

    `blank_ratio`: share of the frames, 0 to 1, in which the blank is the likeliest token.
    """

    score: Score
    loss: float
    blank_ratio: float


def evaluate(recognizer: Recognizer, utterances: Sequence[Utterance]) -> Evaluation:
    """Recognise every utterance and score it against its text.

    Raises:
        AudioError: a sound file can not be used.
        ScoringError: the texts have no words.
    """
    hypotheses = [""] * len(utterances)
    loss, num_tokens = 0.0, 0
    num_blanks, num_frames = 0, 0
    for batch, all_log_probs in batches_of_log_probs(recognizer, utterances):
        for index, log_probs, best in zip(batch, all_log_probs, recognizer.decode(all_log_probs), strict=True):
            hypotheses[index] = recognizer.tokens.decode(best.tokens)
            num_blanks += int((log_probs.argmax(dim=1) == BLANK_ID).sum())
            num_frames += len(log_probs)
            tokens = _tokens(recognizer.tokens, utterances[index].text)
            if tokens is not None and (value := _ctc_loss(log_probs, tokens)) < math.inf:
                loss, num_tokens = loss + value, num_tokens + len(tokens)
    texts = [utterance.text for utterance in utterances]
    return Evaluation(
        score(texts, hypotheses, ids=[u.id for u in utterances]),
        loss=loss / max(1, num_tokens),
        blank_ratio=num_blanks / max(1, num_frames),
    )


def batches_of_log_probs(
    recognizer: Recognizer, utterances: Sequence[Utterance]
) -> Iterator[tuple[list[int], list[Float[Tensor, "_ vocab"]]]]:
    """Batch by batch, which utterances it holds and the log-probabilities of each.

    Raises:
        AudioError: a sound file can not be used.
    """
    for batch in plan_batches([u.duration for u in utterances], max_seconds=_BATCH_SECONDS):
        yield batch, recognizer.log_probs([load_utterance(utterances[index]) for index in batch])


def _tokens(tokens: Tokens, text: str) -> list[int] | None:
    """None for a text outside the alphabet: it still counts in the score, where it is an error of the model."""
    try:
        return tokens.encode(text)
    except TokensError:
        return None


def _ctc_loss(log_probs: Float[Tensor, "frames vocab"], tokens: list[int]) -> float:
    lengths = torch.tensor([len(log_probs)]), torch.tensor([len(tokens)])
    targets = torch.tensor([tokens], dtype=torch.long)
    return float(nn.functional.ctc_loss(log_probs[:, None], targets, *lengths, blank=BLANK_ID, reduction="sum"))
