"""A folder of sound files, each with its text beside it -> entries for `asr import`."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from asr.corpus.importers.entries import Entry, Row
from asr.errors import ManifestError
from asr.files import read_lines
from asr.messages import named

SOUNDS = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".oga", ".sph", ".aiff", ".aif", ".au", ".m4a", ".caf"})
_LISTS = frozenset({".csv", ".tsv", ".json", ".jsonl", ".txt", ".lab", ".trn", ".stm", ".srt", ".textgrid"})


def read_folder(folder: Path) -> list[Row]:
    """Sound files anywhere below `folder`, each with its text in a .txt of the same name beside it.

    Raises:
        ManifestError: there are no sound files, or none of them has a text.
    """
    if not folder.is_dir():
        raise ManifestError(f"{folder}: no such folder")
    files = sorted(_files_below(folder))
    sounds = [path for path in files if path.suffix.lower() in SOUNDS]
    if not sounds:
        raise ManifestError(f"{folder}: no sound files in it ({', '.join(sorted(SOUNDS))}); is it the right folder?")
    texts = {path.with_suffix(""): path for path in files if path.suffix.lower() == ".txt"}
    if not any(sound.with_suffix("") in texts for sound in sounds):
        raise ManifestError(_without_texts(folder, sounds, files))
    return [_folder_row(sound, folder, texts.get(sound.with_suffix(""))) for sound in sounds]


def _files_below(folder: Path) -> Iterator[Path]:
    """All files, also behind links to folders, but without the companion files of macOS (._name)."""
    seen = set()
    for above, folders, names in os.walk(folder, followlinks=True):
        status = Path(above).stat()
        if (place := (status.st_dev, status.st_ino)) in seen:  # a link leads back to a parent folder
            folders.clear()
            continue
        seen.add(place)
        yield from (Path(above, name) for name in names if not name.startswith("._"))


def _folder_row(sound: Path, folder: Path, text: Path | None) -> Row:
    """The lines of a text file are one text."""
    name = sound.relative_to(folder).with_suffix("").as_posix()
    try:
        words = None if text is None else " ".join(read_lines(text, ManifestError)).split()
    except ManifestError as error:
        return error
    return Entry(sound, None if words is None else " ".join(words), id=name)


def _without_texts(folder: Path, sounds: Sequence[Path], files: Iterable[Path]) -> str:
    """The message: what was looked for, what is there instead, and what to do."""
    expected = sounds[0].with_suffix(".txt").name
    lists = [str(path.relative_to(folder)) for path in files if path.suffix.lower() in _LISTS or path.name == "wav.scp"]
    there = "no other file that could hold texts"
    if lists:
        there = f"but other files that may hold them: {named(lists)}"
    return (
        f"{folder}: none of its {len(sounds)} sound files has a text; looked for a .txt of the same name beside each, "
        f"such as {expected} beside {sounds[0].relative_to(folder)}; found {there}. If the texts stand in one table, "
        "give that: asr import csv TABLE OUT (or tsv, kaldi, nemo), with --audio-folder where paths start elsewhere; "
        "else write a .txt for each sound"
    )
