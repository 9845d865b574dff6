"""Texts -> error rates, alignments, confidence intervals."""

from asr.scoring.hints import hints
from asr.scoring.interval import error_interval
from asr.scoring.listing import aligned_listing, marked_line, summary_line
from asr.scoring.score import AlignmentChunk, Score, UtteranceScore, WordPair, score, score_utterance
from asr.scoring.texts import PairedTexts, pair, read_texts

__all__ = [
    "AlignmentChunk",
    "PairedTexts",
    "Score",
    "UtteranceScore",
    "WordPair",
    "aligned_listing",
    "error_interval",
    "hints",
    "marked_line",
    "pair",
    "read_texts",
    "score",
    "score_utterance",
    "summary_line",
]
