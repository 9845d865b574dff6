"""WebVTT subtitles, for the web: times with a point, text escaped as in HTML."""

import html

from asr.formats.document import Document
from asr.formats.subtitles import clock, cues_of

HEADER = "WEBVTT\n"


def body(document: Document) -> str:
    """Each cue after an empty line."""
    return "".join(
        f"\n{clock(cue.start, '.')} --> {clock(cue.end, '.')}\n"
        + "".join(f"{html.escape(line, quote=False)}\n" for line in cue.lines)
        for cue in cues_of(document)
    )
