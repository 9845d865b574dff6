"""A table for spreadsheets: a row for each segment, columns separated by tabs, quoted where CSV would be."""

import csv
import io

from asr.formats.document import Document

HEADER = "source\tchannel\tstart\tend\ttext\n"


def body(document: Document) -> str:
    """Start and end in seconds, to the millisecond; bytes of a file name that are not UTF-8 are shown as \\xff."""
    source = document.source.encode(errors="surrogateescape").decode(errors="backslashreplace")
    table = io.StringIO()
    writer = csv.writer(table, delimiter="\t", lineterminator="\n")
    for channel, segment in document.printed.segments():
        writer.writerow([source, channel, f"{segment.start:.3f}", f"{segment.end:.3f}", segment.text])
    return table.getvalue()
