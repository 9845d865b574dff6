"""Kaldi's text: a line for each utterance, its id and then its words; an id alone has an empty text."""

from collections.abc import Collection, Sequence
from pathlib import Path

from asr.scoring.inputs.contents import KALDI, Contents, Entry


def is_kaldi(lines: Sequence[str], known_ids: Collection[str] = ()) -> bool:
    """Whether the first words of all lines are ids: two or more, each another one, with figures and other characters;
    or at least half of them among the ids of the other file."""
    ids = [line.split(maxsplit=1)[0] for line in lines if line.strip()]
    if len(ids) != len(set(ids)) or not ids:
        return False
    if known_ids:
        return 2 * sum(id in known_ids for id in ids) >= len(ids)
    return len(ids) > 1 and all(map(_is_name, ids))


def _is_name(word: str) -> bool:
    return any(character.isdigit() for character in word) and any(character.isalpha() for character in word)


def read_kaldi(lines: Sequence[str], path: Path) -> Contents:
    """The utterances of a file; blank lines say nothing."""
    entries = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            id, *text = line.split(maxsplit=1)
            entries.append(Entry(text[0] if text else "", number, id=id))
    return Contents(path, KALDI, entries, [f"{path}: read as Kaldi's text, with the id as the first word of a line"])
