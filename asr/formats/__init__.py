"""How a transcript is written: one file a format, each with `render(transcript) -> str`.

A new format is a new file here and a line in `FORMATS`; every verb that writes transcripts then has it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from asr.formats import ctm, json, text, textgrid
from asr.transcript import Transcript

FORMATS: Mapping[str, Callable[[Transcript], str]] = MappingProxyType(
    {"txt": text.render, "json": json.render, "ctm": ctm.render, "textgrid": textgrid.render}
)
"""By the name that `--format` takes, which is also the ending of the file."""
