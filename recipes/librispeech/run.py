"""The LibriSpeech recipe, 100 or 960 hours, from the archives to a table of word error rates.

    python -m recipes.librispeech.run --hours 100      # downloads 7.6 GB and 1.5 GB of text
    python -m recipes.librispeech.run --hours 960      # downloads 60 GB and 1.5 GB of text

Archives (train-clean-100.tar.gz and so on) that are in the --data folder are not downloaded again. Dev is dev-clean;
the language model is a 3-gram of LibriSpeech's own text of 803 million words.
"""

from pathlib import Path

from asr.corpus.manifest import read_manifest, write_manifest
from recipes.librispeech.prepare import fetch_lm_text, prepare_part
from recipes.stages import Experiment, LanguageModel, argument_parser, errors_told, run_seeds, say

CONFS = {hours: Path(f"conf/librispeech_{hours}.yaml") for hours in (100, 960)}
TRAIN = {100: ("train-clean-100",), 960: ("train-clean-100", "train-clean-360", "train-other-500")}
TESTS = ("dev-other", "test-clean", "test-other")
MIN_COUNTS = (1, 2, 3)  # the rare n-grams of so much text help little, and would fill most memories


def main() -> None:
    parser = argument_parser(__doc__, data="data/librispeech", runs="runs/librispeech", seeds=[1])
    parser.add_argument("--hours", type=int, choices=sorted(CONFS), required=True, help="how much to train on")
    arguments = parser.parse_args()
    hours, data = arguments.hours, arguments.data
    with errors_told("librispeech"):
        train = prepare_train(hours, data)
        dev, *others = (prepare_part(name, data) for name in ("dev-clean", *TESTS))
        language_model = LanguageModel("word", file=estimate_language_model(data))
        experiment = Experiment(CONFS[hours], train, dev, dict(zip(TESTS, others, strict=True)), language_model)
        run_seeds(experiment, Path(f"{arguments.runs}_{hours}"), arguments.seeds, arguments.set)


def prepare_train(hours: int, folder: Path) -> Path:
    """The manifest train_100.jsonl or train_960.jsonl, of all its parts."""
    parts = [prepare_part(name, folder) for name in TRAIN[hours]]
    manifest = folder / f"train_{hours}.jsonl"
    if not manifest.is_file():
        write_manifest(manifest, (utterance for part in parts for utterance in read_manifest(part)))
    return manifest


def estimate_language_model(folder: Path) -> Path:
    """Stage lm: `folder`/lm.bin, from LibriSpeech's text for language models."""
    from asr.lm.estimate import estimate_ngrams
    from asr.lm.ngram import NGramModel
    from asr.lm.text import read_sentences

    file = folder / "lm.bin"
    if file.is_file():
        say("lm", f"done before: {file}")
        return file
    text = fetch_lm_text(folder)
    say("lm", f"a 3-gram model of {text}")
    estimated = estimate_ngrams(read_sentences([text]), order=3, min_counts=MIN_COUNTS, memory_mb=4000, folder=folder)
    NGramModel.from_ngrams(estimated.words, estimated.ngrams).save(file)
    return file


if __name__ == "__main__":
    main()
