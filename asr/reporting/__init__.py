"""A run folder -> one page with all about the training, and pictures."""

from asr.reporting.report import write_report

__all__ = ["write_report"]
