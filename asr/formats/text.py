"""Plain text: a line for each segment, so that a reader sees the pauses."""

from asr.transcript import Transcript


def render(transcript: Transcript) -> str:
    """An empty line where nothing was said."""
    return "".join(f"{segment.text}\n" for segment in transcript.segments) or "\n"
