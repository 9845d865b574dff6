"""A TextGrid of Praat (the long text format), with one tier, `words`, and empty intervals between the words."""

from collections.abc import Sequence

from asr.transcript import Transcript, Word

_DIGITS = 6  # of seconds: microseconds


def render(transcript: Transcript) -> str:
    """Intervals must not be empty: a word of zero length is left out."""
    duration = round(transcript.duration, _DIGITS)
    intervals = _intervals([word for word in transcript.words if word.end > word.start], duration)
    tier = f"xmin = 0\n        xmax = {duration}\n        intervals: size = {len(intervals)}\n"
    head = (
        f'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = {duration}\n'
        "tiers? <exists>\nsize = 1\nitem []:\n    item [1]:\n"
        f'        class = "IntervalTier"\n        name = "words"\n        {tier}'
    )
    return head + "".join(
        f"        intervals [{number}]:\n            xmin = {start}\n            xmax = {end}\n"
        f'            text = "{text}"\n'
        for number, (start, end, text) in enumerate(intervals, start=1)
    )


def _intervals(words: Sequence[Word], duration: float) -> list[tuple[float, float, str]]:
    """The words and the gaps between them: start, end and text, covering 0 to `duration` completely."""
    intervals, reached = [], 0.0
    for word in words:
        if word.start > reached:
            intervals.append((reached, round(word.start, _DIGITS), ""))
        intervals.append((round(word.start, _DIGITS), round(word.end, _DIGITS), word.text.replace('"', '""')))
        reached = round(word.end, _DIGITS)
    if reached < duration:
        intervals.append((reached, duration, ""))
    return intervals
