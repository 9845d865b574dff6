"""NIST's CTM: a line for each word, `id channel start duration word confidence`, seconds to the millisecond."""

import math

from asr.formats.document import Document


def body(document: Document) -> str:
    """Sorted by channel and start, as NIST's tools want it; a confidence that is not known is left out."""
    lines = []
    for transcript in document.channels:
        for word in transcript.words:
            start, end = round(word.start, 3), round(word.end, 3)
            place = f"{document.column_id} {transcript.channel} {start:.3f} {end - start:.3f}"
            confidence = f" {word.confidence:.3f}" if math.isfinite(word.confidence) else ""
            lines.append(f"{place} {''.join(word.text.split())}{confidence}\n")
    return "".join(lines)
