"""LibriSpeech: where its parts are, what must be in them, and their manifests.

People read aloud from books; about 1000 hours, 16 kHz (V. Panayotov, G. Chen, D. Povey, S. Khudanpur, "Librispeech: an
ASR corpus based on public domain audio books", ICASSP 2015). CC BY 4.0. The mini LibriSpeech is made of two more parts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from asr.corpus.durations import read_durations
from asr.corpus.manifest import Utterance, write_manifest
from asr.errors import AudioError, CorpusError
from asr.fetch.download import download
from asr.files import read_lines
from recipes.fetch import fetch_and_unpack
from recipes.stages import say, say_sizes

MIRRORS = (
    "https://www.openslr.org/resources",
    "https://us.openslr.org/resources",
    "https://openslr.elda.org/resources",
    "https://openslr.magicdatatech.com/resources",
)
_SOUNDS = (".flac", ".opus", ".wav")


@dataclass(frozen=True, slots=True)
class Part:
    """An archive of the corpus: `resource` is its number at OpenSLR; the counts hold for every copy of it."""

    resource: int
    sha256: str
    num_utterances: int
    num_speakers: int


# sha256 as in torchaudio.datasets; those of the mini parts belong to the MD5 sums that OpenSLR publishes.
PARTS = {
    "train-clean-5": Part(31, "47805806c8b15f7549f3c51bd6b7da72ec0128a34d32830c8014a88658c0292d", 1_519, 28),
    "dev-clean-2": Part(31, "176ec501490eced2d6c1f89f4f0ddc7dfe799e649e5322f8ba49fe3ff50c8012", 1_089, 26),
    "dev-clean": Part(12, "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3", 2_703, 40),
    "dev-other": Part(12, "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365", 2_864, 33),
    "test-clean": Part(12, "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23", 2_620, 40),
    "test-other": Part(12, "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29", 2_939, 33),
    "train-clean-100": Part(12, "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2", 28_539, 251),
    "train-clean-360": Part(12, "146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf", 104_014, 921),
    "train-other-500": Part(12, "ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2", 148_688, 1_166),
}
# 803 million words of books that are not in the test sets, one sentence a line; sha256 as in tensorflow_datasets.
LM_TEXT = "librispeech-lm-norm.txt.gz"
LM_TEXT_SHA256 = "927d47656638c2ca93566640e56bcbeb2aa4ca237b8490fe1eff7d6e610a53c7"


def prepare_part(name: str, folder: Path, *, archive: Path | None = None) -> Path:
    """Stages fetch and prepare for one part: `folder`/<name>.jsonl, from `archive`, else from OpenSLR.

    Files that were downloaded or unpacked before are reused. A given archive may have the sound in another format, such
    as Opus; its counts are checked, but not its checksum.

    Raises:
        CorpusError: no address gives the archive, or it is not that part of LibriSpeech.
        OutputError: the files cannot be written.
    """
    manifest = folder / f"{name}.jsonl"
    if manifest.is_file():
        say("fetch, prepare", f"done before: {manifest}")
        return manifest
    part, unpacked = PARTS[name], folder / "unpacked" / name
    fetch_and_unpack(
        urls(part.resource, f"{name}.tar.gz"),
        unpacked,
        downloads=folder,
        sha256=part.sha256,
        archive=archive,
        find_problem=partial(_find_problem, name=name),
    )
    write_manifest(manifest, read_part(unpacked / "LibriSpeech" / name))
    say_sizes([manifest])
    return manifest


def fetch_lm_text(folder: Path) -> Path:
    """The text for language models (1.5 GB), downloaded into `folder`."""
    say("fetch", "text for language models, public domain")
    return download(urls(11, LM_TEXT), folder / LM_TEXT, sha256=LM_TEXT_SHA256)


def urls(resource: int, file: str) -> list[str]:
    """The addresses of a file at OpenSLR and its mirrors."""
    return [f"{mirror}/{resource}/{file}" for mirror in MIRRORS]


def read_part(folder: Path) -> list[Utterance]:
    """The utterances below a folder <speaker>/<chapter>/ with sound files and <speaker>-<chapter>.trans.txt.

    Raises:
        CorpusError: a transcript cannot be read, or a sound file is missing or no sound; names it.
    """
    found = [
        (sound, text) for path in sorted(folder.glob("*/*/*.trans.txt")) for sound, text in _read_transcripts(path)
    ]
    utterances = []
    for (sound, text), duration in zip(found, read_durations([sound for sound, _ in found]), strict=True):
        if isinstance(duration, AudioError):
            raise CorpusError(f"{duration}; remove {folder} and prepare it again")
        utterances.append(Utterance(sound, duration, text, sound.stem, speaker=sound.stem.partition("-")[0]))
    return utterances


def _read_transcripts(path: Path) -> Iterator[tuple[Path, str]]:
    sounds = {sound.stem: sound for sound in path.parent.iterdir() if sound.suffix in _SOUNDS}
    for number, line in enumerate(read_lines(path, CorpusError), start=1):
        name, _, text = line.partition(" ")
        if not text.strip():
            raise CorpusError(f"{path}, line {number}: expected an id and its text, found {line!r:.80}")
        if name not in sounds:
            raise CorpusError(f"{path}, line {number}: there is no sound file {name} with {', '.join(_SOUNDS)} beside")
        yield sounds[name], text.strip()


def _find_problem(unpacked: Path, *, name: str) -> str | None:
    transcripts = list((unpacked / "LibriSpeech" / name).glob("*/*/*.trans.txt"))
    sounds = [sound for path in transcripts for sound, _ in _read_transcripts(path)]
    found = len(sounds), len({path.parent.parent for path in transcripts})
    expected = PARTS[name].num_utterances, PARTS[name].num_speakers
    if found == expected:
        return None
    return (
        f"not LibriSpeech's {name}: found {found[0]} utterances of {found[1]} speakers below LibriSpeech/{name}, "
        f"expected {expected[0]} of {expected[1]}"
    )
