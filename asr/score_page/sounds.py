"""Where the sound of each utterance lies, as the page has to name it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from asr.errors import ScoringError
from asr.score_page.page import Facts
from asr.scoring.inputs.contents import Fact
from asr.scoring.systems import ScoredSystem

_PLAYED = (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".webm", ".aac")  # by browsers


def page_facts(
    systems: Sequence[ScoredSystem], page: Path, references: Path, folder: Path | None
) -> tuple[dict[str, Facts], int]:
    """For each utterance of the systems what a page at `page` shows beside its texts; and how many have a sound.

    Sounds are those that the references name, relative to their file; or those in `folder` and below it whose path
    ends with that name, with the name of the recording, or with the id, whatever their suffix.

    Raises:
        ScoringError: there is no such folder.
    """
    if folder is not None and not folder.is_dir():
        raise ScoringError(f"{folder}: is no folder; expected one with the sounds of the utterances")
    known = {} if folder is None else _sounds_by_name(folder)
    texts, found, num_sounds = systems[0].texts, {}, 0
    for place, (id, facts) in enumerate(zip(texts.ids, texts.facts, strict=True)):
        sound = _sound(id, facts, references, known if folder is not None else None)
        num_sounds += sound is not None
        start, end = _place(facts)
        speaker = facts.get("speaker")
        found[id] = Facts(
            speaker=None if speaker is None else str(speaker),
            audio=None if sound is None else _url(sound, page),
            start=start,
            end=end,
            times=[system.texts.times[place] for system in systems],
        )
    return found, num_sounds


def _sounds_by_name(folder: Path) -> dict[str, Path]:
    """By each end of their path below `folder`, without suffix; of two with the same one, the first."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _PLAYED and path.is_file():
            parts = path.relative_to(folder).with_suffix("").parts
            for first in range(len(parts)):
                found.setdefault("/".join(parts[first:]), path)
    return found


def _sound(id: str, facts: Mapping[str, Fact], references: Path, known: Mapping[str, Path] | None) -> Path | None:
    named = str(facts.get("audio_filepath", ""))
    if known is None:
        path = references.parent / named
        return path if named and path.is_file() else None
    parts = Path(named).with_suffix("").parts if named else ()
    names = ["/".join(parts[first:]) for first in range(len(parts))]
    names += [str(facts["recording"])] if "recording" in facts else []
    return next((known[name] for name in [*names, id] if name in known), None)


def _place(facts: Mapping[str, Fact]) -> tuple[float | None, float | None]:
    """Start and end in the sound, in seconds; None for the whole."""
    start, duration = facts.get("offset", facts.get("start")), facts.get("duration")
    if not isinstance(start, int | float):
        return None, None
    return float(start), float(start + duration) if isinstance(duration, int | float) else None


def _url(sound: Path, page: Path) -> str:
    """Relative to the page, so that both can be moved together."""
    return quote(os.path.relpath(sound.resolve(), page.resolve().parent).replace(os.sep, "/"))
