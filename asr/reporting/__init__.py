"""What a training left in its run folder -> one page to look at, and pictures."""

from asr.reporting.report import write_report

__all__ = ["write_report"]
