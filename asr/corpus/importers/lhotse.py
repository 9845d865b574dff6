"""Cuts of lhotse -> entries for `asr import`.

Sound within archives is written to files, since a manifest can only name files.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import soundfile

from asr.corpus.importers.entries import Entry, Row
from asr.corpus.importers.extras import load_extra
from asr.errors import ManifestError
from asr.files import atomic_path


def read_lhotse(path: Path, *, sounds: Path, audio_folder: Path | None = None) -> list[Row]:
    """lhotse cuts: a file of them (.jsonl, .jsonl.gz), or a folder in its Shar format.

    A cut of one channel of a file, or of all, stays where it is, with relative paths below `audio_folder`, else below
    the cuts' folder; sound that is in archives, mixed, or changed on the fly is written into `sounds` as FLAC. The text
    is that of all supervisions of a cut, by the time at which they start.

    Raises:
        ManifestError: lhotse is not installed, or cannot read this.
        OutputError: a sound cannot be written.
    """
    lhotse = load_extra("lhotse")
    try:
        cuts: Iterable[Any] = lhotse.CutSet.from_shar(in_dir=path) if path.is_dir() else lhotse.CutSet.from_file(path)
        cuts = iter(cuts)
        entries: list[Row] = []
        while (cut := next(cuts, None)) is not None:
            entries.append(_cut_entry(cut, audio_folder or path.parent, sounds / f"{len(entries):07}.flac"))
        return entries
    except (OSError, ValueError, KeyError, TypeError, AssertionError, AttributeError, RuntimeError) as error:
        raise ManifestError(f"{path}: lhotse cannot read cuts from it: {type(error).__name__}: {error}") from None


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
