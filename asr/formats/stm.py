"""NIST's STM: a line for each segment, `id channel speaker start end text`, seconds to the millisecond."""

from asr.formats.document import Document

_LABEL = "<o> "  # of no category; without it a text that begins with "<" would be taken for a label


def body(document: Document) -> str:
    """Sorted by channel and start, as NIST's tools want it; each channel counts as a speaker."""
    lines = []
    for transcript in document.channels:
        place = f"{document.column_id} {transcript.channel} {document.column_id}-{transcript.channel}"
        for segment in transcript.segments:
            label = _LABEL if segment.text.startswith("<") else ""
            text = " ".join(segment.text.split())
            lines.append(f"{place} {segment.start:.3f} {segment.end:.3f} {label}{text}\n")
    return "".join(lines)
