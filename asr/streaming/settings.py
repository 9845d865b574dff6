"""How far a stream looks ahead, and when its words are final."""

from pydantic import Field

from asr.settings import Settings


class StreamSettings(Settings):
    """Times in seconds."""

    lookahead: float = Field(0.6, ge=0, le=60)
    """Sound after a chunk that the network sees before it decides: less is faster, more is nearer to offline."""
    chunk: float = Field(0.64, ge=0, le=60)
    """Sound that the network takes at once; longer is less work for each second. At least one output frame."""
    limit: float = Field(2.0, ge=0, le=3600)
    """A word is final once the network is this far beyond its last token."""
    pause: float = Field(0.8, gt=0, le=3600)
    """An end-point is where nothing is said for this long after a word."""
