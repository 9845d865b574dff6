"""The yesno recipe: one man says "yes" and "no" in Hebrew, eight words a recording. The smallest real corpus there is.

    python -m recipes.yesno.run                                # downloads the corpus (4.5 MB)
    python -m recipes.yesno.run --archive waves_yesno.tar.gz   # or takes it from a file

60 recordings at 8 kHz, named by their words: 0_1_0_... is no yes no. In sorted order, the first of every six is dev,
the second and fifth are test, and the others are train.
"""

from pathlib import Path

from asr.corpus.importers.entries import Entry, to_utterances
from asr.corpus.manifest import write_manifest
from recipes.fetch import fetch_and_unpack
from recipes.stages import Experiment, argument_parser, errors_told, run_seeds, say_sizes

CONF = Path("conf/yesno.yaml")
URLS = (
    "https://www.openslr.org/resources/1/waves_yesno.tar.gz",
    "https://us.openslr.org/resources/1/waves_yesno.tar.gz",
)
SHA256 = "c3f49e0cca421f96b75b41640749167b52118f232498667ca7a5f9416aef8e73"  # as in torchaudio.datasets
NUM_RECORDINGS = 60
WORDS = {"0": "NO", "1": "YES"}
SPLITS = ("dev", "test", "train", "train", "test", "train")


def main() -> None:
    parser = argument_parser(__doc__, data="data/yesno", runs="runs/yesno", seeds=[1])
    parser.add_argument("--archive", type=Path, help="waves_yesno.tar.gz, if you have it")
    arguments = parser.parse_args()
    with errors_told("yesno"):
        paths = prepare(arguments.data, arguments.archive)
        # There is nothing to predict, so there is no language model.
        experiment = Experiment(CONF, paths["train"], paths["dev"], {"test": paths["test"]}, language_model=None)
        run_seeds(experiment, arguments.runs, arguments.seeds, arguments.set)


def prepare(folder: Path, archive: Path | None) -> dict[str, Path]:
    """Stages fetch and prepare: train.jsonl, dev.jsonl and test.jsonl."""
    unpacked = folder / "unpacked"
    fetch_and_unpack(URLS, unpacked, downloads=folder, sha256=SHA256, archive=archive, find_problem=_find_problem)
    sounds = _recordings(unpacked)
    entries = [Entry(sound, " ".join(WORDS[digit] for digit in sound.stem.split("_"))) for sound in sounds]
    utterances, _ = to_utterances(entries, source=unpacked)
    paths = {split: folder / f"{split}.jsonl" for split in SPLITS}
    for split, path in paths.items():
        write_manifest(path, [u for i, u in enumerate(utterances) if SPLITS[i % len(SPLITS)] == split])
    say_sizes(list(paths.values()))
    return paths


def _recordings(unpacked: Path) -> list[Path]:
    return sorted((unpacked / "waves_yesno").glob("[01]_[01]_[01]_[01]_[01]_[01]_[01]_[01].wav"))


def _find_problem(unpacked: Path) -> str | None:
    found = len(_recordings(unpacked))
    return None if found == NUM_RECORDINGS else f"found {found} recordings in waves_yesno/, expected {NUM_RECORDINGS}"


if __name__ == "__main__":
    main()
