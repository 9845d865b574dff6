"""The name of a part of a sound file, for the ids of utterances that have none of their own."""


def part_of_file(offset: float | None, channels: int | tuple[int, ...] | None) -> str:
    """A suffix that distinguishes the parts of one sound file, for ids made from its name; `offset` is in seconds."""
    start = f"-{round(1000 * offset):08}" if offset else ""
    if channels is None:
        return start
    return f"{start}-channel{'+'.join(map(str, (channels,) if isinstance(channels, int) else channels))}"
