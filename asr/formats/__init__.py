"""How transcripts are written: one file a format, each with a function `body(document) -> str`.

`render` is for programs. Order of reading: `document.py` (what is written), the formats, and `subtitles.py` (words ->
cues, for SRT and VTT). A new format is a new file here and a line in `FORMATS`; every verb that writes transcripts then
has it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from asr.errors import OutputError
from asr.formats import ctm, json, srt, stm, text, textgrid, tsv, vtt
from asr.formats.document import Document
from asr.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Format:
    """`body` writes a document, to stand after `header`, which a file has once.

    `joins`: documents can follow each other in one file. `for_people`: televisions, players and spreadsheets read it,
    some of which want line ends and a mark as Windows has them.
    """

    body: Callable[[Document], str]
    header: str = ""
    joins: bool = False
    for_people: bool = False

    def render(self, document: Document) -> str:
        """The whole file."""
        return self.header + self.body(document)


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "txt": Format(text.body, joins=True, for_people=True),
        "json": Format(json.body, joins=True),
        "srt": Format(srt.body, for_people=True),
        "vtt": Format(vtt.body, vtt.HEADER, for_people=True),
        "tsv": Format(tsv.body, tsv.HEADER, joins=True, for_people=True),
        "ctm": Format(ctm.body, joins=True),
        "stm": Format(stm.body, joins=True),
        "textgrid": Format(textgrid.body),
    }
)
"""By the name that `--format` takes, which is also the ending of the file."""


def render(transcript: Transcript, format: str) -> str:
    """A transcript as the whole text of a file; `format` is one of the names in `FORMATS`.

    >>> Path("talk.srt").write_text(render(transcript, "srt"), encoding="utf-8")  # doctest: +SKIP

    Raises:
        OutputError: there is no such format.
    """
    if format not in FORMATS:
        raise OutputError(f"the format {format!r} is not one of {', '.join(FORMATS)}")
    return FORMATS[format].render(Document.of(transcript))
