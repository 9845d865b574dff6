"""The LJ Speech recipe: one woman reads seven books, 24 hours.

    python -m recipes.ljspeech.run                                 # downloads the corpus (2.7 GB)
    python -m recipes.ljspeech.run --archive LJSpeech-1.1.tar.bz2  # or takes it from a file

13,100 recordings at 22 kHz (K. Ito, L. Johnson, 2017; public domain). Dev and test are the last two of the 50 chapters.
The text is that with numbers in words, in lower case and without punctuation.
"""

from pathlib import Path

from asr.corpus.importers.entries import Entry, to_utterances
from asr.corpus.manifest import write_manifest
from asr.errors import CorpusError
from asr.files import read_lines
from recipes.fetch import fetch_and_unpack
from recipes.stages import Experiment, LanguageModel, argument_parser, errors_told, run_seeds, say_sizes
from recipes.texts import spoken_words

CONF = Path("conf/ljspeech.yaml")
URLS = ("https://data.keithito.com/data/speech/LJSpeech-1.1.tar.bz2",)
SHA256 = "be1a30453f28eb8dd26af4101ae40cbf2c50413b1bb21936cbcdc6fae3de8aa5"  # as in torchaudio.datasets
NUM_RECORDINGS = 13_100
SPLITS = {"LJ049": "dev", "LJ050": "test"}  # chapters; the others are train


def main() -> None:
    parser = argument_parser(__doc__, data="data/ljspeech", runs="runs/ljspeech", seeds=[1])
    parser.add_argument("--archive", type=Path, help="LJSpeech-1.1.tar.bz2, if you have it")
    arguments = parser.parse_args()
    with errors_told("ljspeech"):
        paths = prepare(arguments.data, arguments.archive)
        language_model = LanguageModel("word")
        experiment = Experiment(CONF, paths["train"], paths["dev"], {"test": paths["test"]}, language_model)
        run_seeds(experiment, arguments.runs, arguments.seeds, arguments.set)


def prepare(folder: Path, archive: Path | None) -> dict[str, Path]:
    """Stages fetch and prepare: train.jsonl, dev.jsonl and test.jsonl."""
    unpacked = folder / "unpacked"
    fetch_and_unpack(URLS, unpacked, downloads=folder, sha256=SHA256, archive=archive, find_problem=_find_problem)
    utterances, _ = to_utterances(_entries(unpacked / "LJSpeech-1.1"), source=unpacked)
    paths = {split: folder / f"{split}.jsonl" for split in ("train", "dev", "test")}
    for split, path in paths.items():
        write_manifest(path, [u for u in utterances if SPLITS.get(u.id.partition("-")[0], "train") == split])
    say_sizes(list(paths.values()))
    return paths


def _entries(corpus: Path) -> list[Entry]:
    """Entries of metadata.csv: name, text as printed and text as read, separated by bars, without quotes."""
    path = corpus / "metadata.csv"
    rows = [line.split("|") for line in read_lines(path, CorpusError)]
    for number, row in enumerate(rows, start=1):
        if len(row) != 3:
            raise CorpusError(f"{path}, line {number}: expected name|text|normalized text, found {len(row)} of them")
    return [Entry(corpus / "wavs" / f"{name}.wav", spoken_words(text), speaker="LJ") for name, _, text in rows]


def _find_problem(unpacked: Path) -> str | None:
    found = len(list((unpacked / "LJSpeech-1.1" / "wavs").glob("*.wav")))
    listed = len(_entries(unpacked / "LJSpeech-1.1"))
    if found == listed == NUM_RECORDINGS:
        return None
    return f"found {found} recordings in LJSpeech-1.1/wavs and {listed} texts, expected {NUM_RECORDINGS}"


if __name__ == "__main__":
    main()
