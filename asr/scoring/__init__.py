"""Texts -> error rates, alignments, confidence intervals.

Order of reading: `inputs/` and `matching.py` (files -> texts), `reference.py` (what may be said), `alignment.py` and
`cheapest_path.py` (words beside words), `record.py` (what is found), `score.py`, `pooled.py`, `interval.py`;
`systems.py` (files -> scores); where a system fails: `slices.py`, `failures.py`; `stored.py` and `comparison.py`
(scores as files); for people: `listing.py`, `tables.py`, `aligned_html.py`, `hints.py`.
"""

from asr.scoring.alignment import WordPair
from asr.scoring.hints import hints
from asr.scoring.listing import aligned_listing, marked_line, summary_line
from asr.scoring.matching import Matching, Notation, PairedTexts, pair, read_texts
from asr.scoring.record import Score, UtteranceScore
from asr.scoring.score import score, score_utterance

__all__ = [
    "Matching",
    "Notation",
    "PairedTexts",
    "Score",
    "UtteranceScore",
    "WordPair",
    "aligned_listing",
    "hints",
    "marked_line",
    "pair",
    "read_texts",
    "score",
    "score_utterance",
    "summary_line",
]
