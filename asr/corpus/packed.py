"""Corpora of lhotse and of Hugging Face datasets -> entries for `asr import`. Both are extras.

Where sound lies within archives, tables or arrays, it is written into files, for a manifest can only name files.
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import soundfile

from asr.corpus.importers import AUDIO_COLUMNS, SPEAKER_COLUMNS, TEXT_COLUMNS, Entry
from asr.errors import ManifestError
from asr.files import atomic_path


def read_lhotse(path: Path, *, sounds: Path, audio_folder: Path | None = None) -> list[Entry]:
    """lhotse cuts: a file of them (.jsonl, .jsonl.gz), or a folder in its Shar format.

    A cut of a file of one channel stays where it is, with relative paths below `audio_folder`, else below the cuts'
    folder; what lies in archives, is mixed or changed on the fly is written into `sounds` as FLAC. The text is that of
    all supervisions of a cut.

    Raises:
        ManifestError: lhotse is not installed, or can not read this.
        OutputError: a sound can not be written.
    """
    lhotse = _extra("lhotse")
    try:
        cuts: Iterable[Any] = lhotse.CutSet.from_shar(in_dir=path) if path.is_dir() else lhotse.CutSet.from_file(path)
        cuts = iter(cuts)
        entries: list[Entry] = []
        while (cut := next(cuts, None)) is not None:
            entries.append(_cut_entry(cut, audio_folder or path.parent, sounds / f"{len(entries):07}.flac"))
        return entries
    except (OSError, ValueError, KeyError, TypeError, AssertionError, AttributeError, RuntimeError) as error:
        raise ManifestError(f"{path}: lhotse can not read cuts from it: {type(error).__name__}: {error}") from None


def read_hugging_face(
    folder: Path, *, sounds: Path, audio_column: str | None = None, text_column: str | None = None
) -> list[Entry]:
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
        Entry(
            _row_sound(row[audio], sounds / f"{number:07}"),
            row[text],
            f"{folder.name}-{number:07}",
            str(row[speaker]) if speaker else None,
        )
        for number, row in enumerate(rows)
    ]


def _extra(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise ManifestError(f"the package {name} is not installed; install it: .venv/bin/pip install {name}") from None


def _cut_entry(cut: Any, folder: Path, sound: Path) -> Entry:
    text = " ".join(supervision.text for supervision in cut.supervisions if supervision.text) or None
    speakers = {supervision.speaker for supervision in cut.supervisions}
    speaker = speakers.pop() if len(speakers) == 1 else None
    sources = cut.recording.sources if hasattr(cut, "recording") and not cut.recording.transforms else []
    if [source.type for source in sources] == ["file"] and cut.recording.num_channels == 1:
        is_whole = cut.start == 0 and cut.duration == cut.recording.duration
        offset, duration = (None, None) if is_whole else (float(cut.start), float(cut.duration))
        return Entry(folder / sources[0].source, text, cut.id, speaker, offset, duration)
    samples = cut.load_audio()
    with atomic_path(sound) as temporary:
        soundfile.write(temporary, samples.T, cut.sampling_rate, format="FLAC")
    return Entry(sound, text, cut.id, speaker)


def _row_sound(value: dict[str, Any], sound: Path) -> Path:
    """The file of a row: written, if the bytes are in the table."""
    if value["bytes"] is None:
        return Path(value["path"])
    path = sound.with_suffix(Path(value["path"] or "").suffix)
    with atomic_path(path) as temporary:
        temporary.write_bytes(value["bytes"])
    return path
