"""The mini LibriSpeech recipe: five hours of read books, from the archive to a table of word error rates.

    python -m recipes.mini_librispeech.run                                        # downloads the corpus (460 MB)
    python -m recipes.mini_librispeech.run --archive train-clean-5-opus.tar       # or takes train-clean-5 from a file

Dev is four speakers of train-clean-5, the rest is trained on. The test set is dev-clean-2; with --archive there is
none. The language model is a word 3-gram of the training transcripts, and of the sentences of --text if that is given.
"""

from pathlib import Path

from asr.corpus.manifest import read_manifest, write_manifest
from recipes.librispeech.prepare import prepare_part
from recipes.mini_librispeech.language_model import estimate_language_model
from recipes.stages import Experiment, LanguageModel, argument_parser, errors_told, run_seeds, say_sizes

CONF = Path("conf/mini_librispeech.yaml")
DEV_SPEAKERS = frozenset({"1737", "32", "7312", "6848"})


def main() -> None:
    parser = argument_parser(__doc__, data="data/mini_librispeech", runs="runs/mini_librispeech", seeds=[1])
    parser.add_argument("--archive", type=Path, help="train-clean-5, as FLAC or Opus, if you have it")
    parser.add_argument("--text", type=Path, help="printed English, also for the language model: a sentence a line")
    arguments = parser.parse_args()
    with errors_told("mini_librispeech"):
        train, dev = prepare_train(arguments.data, arguments.archive)
        tests = {} if arguments.archive else {"test": prepare_part("dev-clean-2", arguments.data)}
        file = estimate_language_model(train, arguments.text, arguments.data) if arguments.text else None
        experiment = Experiment(CONF, train, dev, tests, LanguageModel("word", file=file))
        run_seeds(experiment, arguments.runs, arguments.seeds, arguments.set)


def prepare_train(folder: Path, archive: Path | None) -> tuple[Path, Path]:
    """The manifests train.jsonl and dev.jsonl; no speaker is in both."""
    utterances = read_manifest(prepare_part("train-clean-5", folder, archive=archive))
    train, dev = folder / "train.jsonl", folder / "dev.jsonl"
    write_manifest(train, [u for u in utterances if u.speaker not in DEV_SPEAKERS])
    write_manifest(dev, [u for u in utterances if u.speaker in DEV_SPEAKERS])
    say_sizes([train, dev])
    return train, dev


if __name__ == "__main__":
    main()
