"""The choice of `--format`."""

from enum import StrEnum

from asr.formats import FORMATS

Format = StrEnum("Format", {name: name for name in FORMATS})  # type: ignore[misc]  # mypy wants the names written out
"""How transcripts are written."""

TXT, CTM = Format("txt"), Format("ctm")
