"""Prefix beam search of a whole batch in tensors, on a CPU or a GPU: the same search as `asr/search/kernel/`.

All utterances go through a frame together (`step.py`); those that have ended keep their prefixes as they are, so
no result depends on padding or on the rest of the batch. Nothing waits for the device before the last frame.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from asr.ctc import BLANK_ID
from asr.errors import SearchError
from asr.search.batched.frames import History, repeat_step
from asr.search.batched.fusion import TensorTables
from asr.search.batched.step import Beams, Frame, all_paths, empty_prefix, next_beams
from asr.search.fusion.fusion import no_fusion
from asr.search.fusion.tables import LEXICON, FusionTables
from asr.search.hypothesis import Hypothesis, check_log_probs, check_widths


def tensor_beam_search(
    log_probs: Float[Tensor, "batch frames vocab"],
    num_frames: Int[Tensor, "batch"],
    *,
    beam_width: int,
    num_best: int = 1,
    max_tokens: int | None = None,
    beam_threshold: float = math.inf,
    fusion: FusionTables | TensorTables | None = None,
) -> list[list[Hypothesis]]:
    """`prefix_beam_search` of the first `num_frames` frames of each utterance, all at once, on the device of
    `log_probs`.

    The scores are the same up to rounding in float64; among equal scores, different prefixes may be kept. `max_tokens`
    counts the likeliest tokens other than the blank, whether or not they can still bring a prefix into the beam. Move
    `fusion` to the device once for all batches, with `TensorTables.of`.

    Raises:
        SearchError: the rows are not log-probabilities, a number is out of range, or for an utterance the lexicon can
            spell no text of probability above zero.
    """
    check_widths(beam_width=beam_width, num_best=num_best, beam_threshold=beam_threshold)
    batch, max_frames, vocab = log_probs.shape
    lengths = num_frames.tolist()
    if any(not 0 <= length <= max_frames for length in lengths):
        raise SearchError(f"num_frames is {lengths}; expected numbers from 0 to {max_frames}, the frames of log_probs")
    for utterance, length in zip(log_probs, lengths, strict=True):
        check_log_probs(utterance[:length].detach().double().cpu().numpy(), epsilon=torch.finfo(log_probs.dtype).eps)
    if fusion is None:
        fusion = no_fusion(vocab)
    tables = fusion if isinstance(fusion, TensorTables) else TensorTables.of(fusion, log_probs.device)
    if vocab != len(tables.symbols):
        raise SearchError(f"log_probs has {vocab} tokens a frame, the fusion was made for {len(tables.symbols)}")
    if batch == 0:
        return []
    log_probs = log_probs.detach()[:, : max(lengths)].transpose(0, 1).double()
    max_tokens = vocab if max_tokens is None else min(max(1, max_tokens), vocab)
    beams, history = _search(
        log_probs,
        num_frames.to(log_probs.device),
        tables,
        beam_width=beam_width,
        max_tokens=max_tokens,
        beam_threshold=beam_threshold,
    )
    return _hypotheses(beams, history, tables, num_best)


def _search(
    log_probs: Float[Tensor, "frames batch vocab"],
    num_frames: Int[Tensor, "batch"],
    tables: TensorTables,
    *,
    beam_width: int,
    max_tokens: int,
    beam_threshold: float,
) -> tuple[Beams, History]:
    device = log_probs.device
    max_frames, batch, _ = log_probs.shape
    blank = torch.tensor([BLANK_ID], device=device)
    token_log_probs, tokens = log_probs.index_fill(2, blank, -math.inf).topk(max_tokens)
    packed = empty_prefix(batch, beam_width, tables, device).pack()
    history = History.empty(max_frames, batch, beam_width, device)
    frame = torch.zeros(1, dtype=torch.int64, device=device)
    places = torch.arange(beam_width, device=device)

    def step() -> None:
        """One frame: reads and writes only tensors that stay where they are."""
        now = Frame(*(part.index_select(0, frame)[0] for part in (log_probs, tokens, token_log_probs)))
        after, links = next_beams(Beams.unpack(*packed), now, tables, beam_threshold, frame * beam_width + places)
        history.write(frame, links)
        is_inside = (frame < num_frames)[:, None]
        for old, new in zip(packed, after.pack(), strict=True):
            old.copy_(torch.where(is_inside, new, old))
        frame.add_(1)

    repeat_step(step, max_frames, device)
    return Beams.unpack(*packed), history


def _hypotheses(beams: Beams, history: History, tables: TensorTables, num_best: int) -> list[list[Hypothesis]]:
    """The best of each utterance, best first."""
    state, paths = beams.fusion_state, all_paths(beams)
    end = tables.finish(state, allow_unknown=tables.unit != LEXICON)
    # Where no prefix ends with a word of the lexicon: better half a word than nothing.
    is_complete = (paths.total + end > -math.inf).any(dim=1, keepdim=True)
    end = torch.where(is_complete, end, tables.finish(state, allow_unknown=True))
    scores, order = (paths.total + end).sort(dim=1, descending=True, stable=True)
    order = order[:, :num_best]
    rows = zip(
        scores[:, :num_best].tolist(),
        (beams.total_gain + end).gather(1, order).tolist(),
        history.tokens(beams.prefix.gather(1, order)),
        history.frames(paths.trace.gather(1, order)),
        strict=True,
    )
    return [_utterance_hypotheses(number, *row) for number, row in enumerate(rows)]


def _utterance_hypotheses(
    number: int, scores: list[float], gains: list[float], tokens: list[list[int]], frames: list[list[int]]
) -> list[Hypothesis]:
    found = []
    for score, gain, text, starts in zip(scores, gains, tokens, frames, strict=True):
        if score > -math.inf:
            acoustic = min(0.0, score - gain)  # rounding can bring log 1 above 0
            found.append(Hypothesis(tuple(text), acoustic + gain, tuple(starts), gain))
    found.sort(key=lambda hypothesis: (-hypothesis.score, hypothesis.tokens))
    if not found:
        raise SearchError(
            f"utterance {number} of the batch: no text that the lexicon can spell has a probability above zero; "
            "allow other words too"
        )
    return found
