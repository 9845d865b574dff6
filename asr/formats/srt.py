"""SubRip subtitles: numbered cues, times with a comma."""

from asr.formats.document import Document
from asr.formats.subtitles import clock, cues_of


def body(document: Document) -> str:
    """Nothing where nothing was said. The form has no way to escape its arrow, so in a text that becomes one sign."""
    return "\n".join(
        f"{number}\n{clock(cue.start, ',')} --> {clock(cue.end, ',')}\n"
        + "".join(f"{line.replace('-->', '→')}\n" for line in cue.lines)
        for number, cue in enumerate(cues_of(document), start=1)
    )
