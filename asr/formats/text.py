"""Plain text: a line for each segment, so that a reader sees the pauses."""

from asr.formats.document import Document


def body(document: Document) -> str:
    """An empty line where nothing was said."""
    lines = [f"{document.label(channel)}{segment.text}\n" for channel, segment in document.printed.segments()]
    return "".join(lines) or "\n"
