"""Corpora of lhotse and of Hugging Face datasets -> entries for `asr import`. Both are extras.

Where sound lies within archives, tables or arrays, it is written into files, for a manifest can only name files.
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import soundfile

from asr.corpus.importers.rows import Entry, Row
from asr.corpus.importers.tables import AUDIO_COLUMNS, SPEAKER_COLUMNS, TEXT_COLUMNS
from asr.errors import ManifestError
from asr.files import atomic_path


def read_lhotse(path: Path, *, sounds: Path, audio_folder: Path | None = None) -> list[Row]:
    """lhotse cuts: a file of them (.jsonl, .jsonl.gz), or a folder in its Shar format.

    A cut of one channel of a file, or of all, stays where it is, with relative paths below `audio_folder`, else below
    the cuts' folder; what lies in archives, is mixed or changed on the fly is written into `sounds` as FLAC. The text
    is that of all supervisions of a cut, by the time at which they start.

    Raises:
        ManifestError: lhotse is not installed, or can not read this.
        OutputError: a sound can not be written.
    """
    lhotse = _extra("lhotse")
    try:
        cuts: Iterable[Any] = lhotse.CutSet.from_shar(in_dir=path) if path.is_dir() else lhotse.CutSet.from_file(path)
        cuts = iter(cuts)
        entries: list[Row] = []
        while (cut := next(cuts, None)) is not None:
            entries.append(_cut_entry(cut, audio_folder or path.parent, sounds / f"{len(entries):07}.flac"))
        return entries
    except (OSError, ValueError, KeyError, TypeError, AssertionError, AttributeError, RuntimeError) as error:
        raise ManifestError(f"{path}: lhotse can not read cuts from it: {type(error).__name__}: {error}") from None


def read_hugging_face(
    folder: Path, *, sounds: Path, audio_column: str | None = None, text_column: str | None = None
) -> list[Row]:
    """A dataset that Hugging Face's `datasets` has saved by `save_to_disk`; its sounds are written into `sounds`.

    Raises:
        ManifestError: datasets is not installed or can not read this, or a column can not be found.
        OutputError: a sound can not be written.
    """
    datasets = _extra("datasets")
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


def _extra(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise ManifestError(f"the package {name} is not installed; install it: .venv/bin/pip install {name}") from None


def _cut_entry(cut: Any, folder: Path, sound: Path) -> Entry:
    supervisions = sorted(cut.supervisions, key=lambda supervision: supervision.start)
    text = " ".join(supervision.text for supervision in supervisions if supervision.text) or None
    speakers = {supervision.speaker for supervision in supervisions}
    speaker = speakers.pop() if len(speakers) == 1 else None
    sources = cut.recording.sources if hasattr(cut, "recording") and not cut.recording.transforms else []
    if [source.type for source in sources] == ["file"]:
        wanted = [cut.channel] if isinstance(cut.channel, int) else list(cut.channel)
        there = list(sources[0].channels)  # their numbers, in the order of the file
        if len(wanted) == 1 or set(wanted) == set(there):
            channel = there.index(wanted[0]) if len(wanted) < len(there) else None
            is_whole = cut.start == 0 and cut.duration == cut.recording.duration
            offset, duration = (None, None) if is_whole else (float(cut.start), float(cut.duration))
            return Entry(folder / sources[0].source, text, cut.id, speaker, offset, duration, channel)
    samples = cut.load_audio()
    with atomic_path(sound) as temporary:
        soundfile.write(temporary, samples.T, cut.sampling_rate, format="FLAC")
    return Entry(sound, text, cut.id, speaker)


def _row_entry(audio: Any, text: Any, speaker: Any, name: str, sound: Path) -> Row:
    if not isinstance(text, str):
        return ManifestError(f"{name}: the text is {text!r:.80}, expected words")
    if audio is None or (audio["bytes"] is None and audio["path"] is None):
        return ManifestError(f"{name}: there is no sound in this row")
    return Entry(_row_sound(audio, sound), text, name, None if speaker is None else str(speaker))


def _row_sound(value: dict[str, Any], sound: Path) -> Path:
    """The file of a row: written, if the bytes are in the table."""
    if value["bytes"] is None:
        return Path(value["path"])
    path = sound.with_suffix(Path(value["path"] or "").suffix)
    with atomic_path(path) as temporary:
        temporary.write_bytes(value["bytes"])
    return path
