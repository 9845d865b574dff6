"""Scored files -> the page, written."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from asr.files import write_text
from asr.score_page.page import System, score_page
from asr.score_page.sounds import page_facts
from asr.scoring.failures import Failures
from asr.scoring.systems import ScoredSystem
from asr.scoring.tables import failure_tables


def write_page(
    path: Path,
    systems: Sequence[ScoredSystem],
    references: Path,
    found: Mapping[str, Failures],
    *,
    audio: Path | None = None,
) -> tuple[int, int]:
    """Write the page of one or more systems; returns how many of the utterances have a sound, and how many there are.

    `found`: where each system fails, by its name. `audio`: a folder with the sounds, if the references name none.

    Raises:
        ScoringError: there is no such folder.
        OutputError: the file cannot be written.
    """
    facts, num_sounds = page_facts(systems, path, references, audio)
    names = ", ".join(system.name for system in systems)
    score = systems[0].score
    notes = [*dict.fromkeys(note for system in systems for note in system.texts.notes)]
    notes.append(f"Words are aligned by the rule {score.alignment!r}; characters are counted {score.characters}.")
    content = score_page(
        [System(system.name, system.score) for system in systems],
        title=f"{names} against {references.name}",
        notes=notes,
        tables=failure_tables(found),
        facts=facts,
    )
    write_text(path, content)
    return num_sounds, len(facts)
