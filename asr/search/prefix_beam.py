"""Prefix beam search: the likeliest text, summed over all its paths (Graves 2012, 7.5.3; Hannun et al. 2014)."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from asr.errors import SearchError
from asr.search.batched.beam import tensor_beam_search
from asr.search.fusion.fusion import no_fusion
from asr.search.fusion.step import FusionTables
from asr.search.hypothesis import Hypothesis, check_log_probs, check_widths, is_distribution, tolerance
from asr.search.kernel.search import search_prefixes

_WIDEST = 1024  # beams of `_search_harder`: it takes time and memory for each pair of prefixes


def prefix_beam_search(
    log_probs: Float[Tensor, "frames vocab"],
    *,
    beam_width: int,
    num_best: int = 1,
    max_tokens: int | None = None,
    beam_threshold: float = math.inf,
    fusion: FusionTables | None = None,
) -> list[Hypothesis]:
    """The `num_best` best token sequences, best first; without fusion, scores are log-probabilities over all paths.

    Exact when `beam_width` is at least the number of prefixes. `max_tokens` a frame are looked at (all, if None), and
    prefixes more than `beam_threshold` nats below the best are dropped. `frames` are those of the likeliest path. Of
    any float type. If all texts are lost on the way, it searches again in logarithms and in wider beams, which takes
    longer.

    Raises:
        SearchError: the rows are not log-probabilities, a width below one, a threshold not above zero, no text has been
            found that has a probability above zero, or there is not memory enough.
    """
    check_widths(beam_width=beam_width, num_best=num_best, beam_threshold=beam_threshold)
    exact = log_probs if log_probs.dtype.itemsize >= 4 else log_probs.float()  # numpy has no bfloat16
    probs = np.exp(np.ascontiguousarray(exact.detach().cpu().numpy(), np.float64))
    if not is_distribution(probs, tolerance(log_probs)):
        check_log_probs(log_probs)  # says what is wrong
    vocab = log_probs.shape[1]
    tables = no_fusion(vocab) if fusion is None else fusion
    _refuse_other_vocabulary(tables, vocab)
    max_tokens = vocab if max_tokens is None else max(1, min(max_tokens, vocab))
    try:
        results, tokens = search_prefixes(probs, beam_width, max_tokens, math.exp(-beam_threshold), tables)
    except MemoryError:
        raise SearchError(
            f"a beam of {beam_width} over {len(probs)} frames takes more memory than there is; search with a narrower "
            "beam, or cut the sound into parts"
        ) from None
    if not (results[0] > -math.inf).any():
        return _search_harder(log_probs, beam_width, num_best, tables)
    return _hypotheses(results, tokens, num_best)


def _search_harder(
    log_probs: Float[Tensor, "frames vocab"], beam_width: int, num_best: int, tables: FusionTables
) -> list[Hypothesis]:
    """`num_best` texts where the kernel has found none: their words cost more than its numbers can hold (745 nats in a
    frame), or no prefix of so narrow a beam can become a text. So the same in logarithms, without other limits, and in
    wider beams.

    Raises:
        SearchError: there is none in these either.
    """
    widths = [width for width in (beam_width, 4 * beam_width, 16 * beam_width) if width <= _WIDEST] or [_WIDEST]
    for width in widths:
        with suppress(SearchError):
            [found] = tensor_beam_search(
                log_probs.detach().cpu()[None], torch.tensor([len(log_probs)]), beam_width=width, num_best=num_best,
                fusion=tables,
            )  # fmt: skip
            return found
    raise SearchError(  # only a lexicon forbids anything for good: without one, the likeliest path is a text
        f"no text that the lexicon can spell has a probability above zero, in beams of up to {widths[-1]}; allow other "
        "words too"
    )


def search_in_parallel(
    batch: Sequence[Float[Tensor, "_ vocab"]],
    *,
    beam_width: int,
    num_best: int = 1,
    max_tokens: int | None = None,
    beam_threshold: float = math.inf,
    fusion: FusionTables | None = None,
) -> list[list[Hypothesis]]:
    """`prefix_beam_search` of several utterances, as many at once as torch has threads."""

    def run(log_probs: Tensor) -> list[Hypothesis]:
        return prefix_beam_search(
            log_probs, beam_width=beam_width, num_best=num_best, max_tokens=max_tokens, beam_threshold=beam_threshold,
            fusion=fusion,
        )  # fmt: skip

    if len(batch) < 2 or torch.get_num_threads() < 2:
        return [run(log_probs) for log_probs in batch]
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        return list(pool.map(run, batch))


def _refuse_other_vocabulary(tables: FusionTables, vocab: int) -> None:
    expected = len(tables.token_start) - 1
    if vocab != expected:
        raise SearchError(f"log_probs has {vocab} tokens a frame, the fusion was made for {expected}")


def _hypotheses(results: np.ndarray, tokens: np.ndarray, num_best: int) -> list[Hypothesis]:
    """The best, best first; those of equal score in the order of their tokens."""
    scores, gains, lengths = results
    ends = np.cumsum(lengths).astype(int)
    starts = ends - lengths.astype(int)
    order = np.argsort(-scores, kind="stable")
    num_possible = int((scores > -math.inf).sum())
    least = scores[order[min(num_best, num_possible) - 1]]
    found = []
    for k in order[scores[order] >= least]:
        text, frames = tokens[:, starts[k] : ends[k]].tolist()
        acoustic = min(0.0, float(scores[k] - gains[k]))  # rounding can bring log 1 above 0
        found.append(Hypothesis(tuple(text), acoustic + float(gains[k]), tuple(frames), float(gains[k])))
    found.sort(key=lambda hypothesis: (-hypothesis.score, hypothesis.tokens))
    return found[:num_best]
