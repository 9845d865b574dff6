"""A dataset saved by Hugging Face's `datasets` -> entries for `asr import`.

Sound within its tables is written to files, since a manifest can only name files.
"""

from pathlib import Path
from typing import Any

from asr.corpus.importers.entries import Entry, Row
from asr.corpus.importers.extras import load_extra
from asr.corpus.importers.table import AUDIO_COLUMNS, SPEAKER_COLUMNS, TEXT_COLUMNS
from asr.errors import ManifestError
from asr.files import atomic_path


def read_hugging_face(
    folder: Path, *, sounds: Path, audio_column: str | None = None, text_column: str | None = None
) -> list[Row]:
    """A dataset that Hugging Face's `datasets` saved with `save_to_disk`; its sounds are written into `sounds`.

    Raises:
        ManifestError: datasets is not installed or cannot read this, or a column cannot be found.
        OutputError: a sound cannot be written.
    """
    datasets = load_extra("datasets")
    try:
        dataset = datasets.load_from_disk(str(folder))
    except (OSError, ValueError) as error:
        raise ManifestError(f"{folder}: not a dataset saved by save_to_disk ({error})") from None
    if not isinstance(dataset, datasets.Dataset):
        raise ManifestError(f"{folder}: has the parts {', '.join(dataset)}; import each of these folders by itself")
    names = dataset.column_names
    audio, text = (
        next((name for name in ([wanted] if wanted else known) if name in names), None)
        for wanted, known in ((audio_column, AUDIO_COLUMNS), (text_column, TEXT_COLUMNS))
    )
    if audio is None or text is None:
        missing = "--audio-column" if audio is None else "--text-column"
        raise ManifestError(f"{folder}: the columns are {', '.join(names)}; name the right one by {missing}")
    speaker = next((name for name in SPEAKER_COLUMNS if name in names), None)
    rows = dataset.cast_column(audio, datasets.Audio(decode=False))
    return [
        _row_entry(row[audio], row[text], row.get(speaker), f"{folder.name}-{number:07}", sounds / f"{number:07}")
        for number, row in enumerate(rows)
    ]


def _row_entry(audio: Any, text: Any, speaker: Any, name: str, sound: Path) -> Row:
    if not isinstance(text, str):
        return ManifestError(f"{name}: the text is {text!r:.80}, expected words")
    if audio is None or (audio["bytes"] is None and audio["path"] is None):
        return ManifestError(f"{name}: there is no sound in this row")
    return Entry(_row_sound(audio, sound), text, name, None if speaker is None else str(speaker))


def _row_sound(value: dict[str, Any], sound: Path) -> Path:
    """The sound file of a row; it is written first, if the bytes are in the table."""
    if value["bytes"] is None:
        return Path(value["path"])
    path = sound.with_suffix(Path(value["path"] or "").suffix)
    with atomic_path(path) as temporary:
        temporary.write_bytes(value["bytes"])
    return path
