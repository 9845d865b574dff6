"""Prefix beam search: the likeliest text, summed over all its paths (Graves 2012, 7.5.3; Hannun et al. 2014)."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float

from asr.search.fusion.tables import FusionTables
from asr.search.hypothesis import Hypothesis, as_log_probs, check_widths
from asr.search.stream import NoTextError, PrefixBeamStream
from asr.threads import num_threads

_WIDER, _WIDEST = 4, 1024  # factor, and number of prefixes, of the wider beams tried when one has found no text at all


def prefix_beam_search(
    log_probs: Float[np.ndarray, "frames vocab"],
    *,
    beam_width: int,
    num_best: int = 1,
    max_tokens: int | None = None,
    beam_threshold: float = math.inf,
    fusion: FusionTables | None = None,
) -> list[Hypothesis]:
    """The `num_best` best token sequences, best first; without fusion, scores are log-probabilities over all paths.

    Exact when `beam_width` is at least the number of prefixes. `max_tokens` a frame are looked at (all, if None), and
    prefixes more than `beam_threshold` nats below the best are dropped. `frames` are those of the likeliest path.
    `log_probs` may be of any float type. If all texts are lost on the way, it searches again with wider beams and no
    other limits, which takes longer.

    Raises:
        SearchError: the rows are not log-probabilities, a width below one, a threshold not above zero, no text of
            probability above zero has been found, or there is not enough memory.
    """
    check_widths(beam_width=beam_width, num_best=num_best, beam_threshold=beam_threshold)
    log_probs = as_log_probs(log_probs)
    stream = PrefixBeamStream(
        log_probs.shape[1],
        beam_width=beam_width,
        max_tokens=max_tokens,
        beam_threshold=beam_threshold,
        fusion=fusion,
    )
    stream.accept(log_probs)
    try:
        return stream.finish(num_best)
    except NoTextError:
        has_limits = max_tokens is not None or beam_threshold < math.inf
        if beam_width >= _WIDEST and not has_limits:
            raise
    wider = max(beam_width, min(_WIDER * beam_width, _WIDEST))
    return prefix_beam_search(log_probs, beam_width=wider, num_best=num_best, fusion=fusion)


def search_in_parallel(
    batch: Sequence[Float[np.ndarray, "_ vocab"]],
    *,
    beam_width: int,
    num_best: int = 1,
    max_tokens: int | None = None,
    beam_threshold: float = math.inf,
    fusion: FusionTables | None = None,
) -> list[list[Hypothesis]]:
    """`prefix_beam_search` of several utterances, as many at once as `asr.threads` says."""

    def run(log_probs: np.ndarray) -> list[Hypothesis]:
        return prefix_beam_search(
            log_probs, beam_width=beam_width, num_best=num_best, max_tokens=max_tokens, beam_threshold=beam_threshold,
            fusion=fusion,
        )  # fmt: skip

    threads = min(num_threads(), len(batch))
    if threads < 2:
        return [run(log_probs) for log_probs in batch]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, batch))
