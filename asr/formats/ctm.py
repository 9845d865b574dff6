"""NIST's CTM: a line for each word, `id channel start duration word confidence`, seconds to the millisecond."""

from pathlib import Path

from asr.transcript import Transcript


def render(transcript: Transcript) -> str:
    """The id is the name of the sound without suffix; spaces separate columns, so white space in it becomes `_`."""
    name = "_".join(Path(transcript.source).stem.split()) or "audio"
    lines = []
    for word in transcript.words:
        start, end = round(word.start, 3), round(word.end, 3)
        lines.append(f"{name} {transcript.channel} {start:.3f} {end - start:.3f} {word.text} {word.confidence:.3f}\n")
    return "".join(lines)
