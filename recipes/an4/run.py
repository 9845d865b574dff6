"""The AN4 recipe, from the archive to a table of word error rates.

    python -m recipes.an4.run                          # downloads the corpus (64 MB)
    python -m recipes.an4.run --archive an4_sphere.tar.gz

Stages: fetch, prepare, train (one model a seed), test, tune (a language model from the training transcripts, for each
model), test with it, results. A finished stage is reported and skipped; an interrupted training goes on where it was.
"""

from pathlib import Path

from recipes.an4.prepare import Manifests, fetch, prepare
from recipes.stages import Experiment, LanguageModel, argument_parser, errors_told, run_seeds, say, say_sizes

CONF = Path("conf/an4.yaml")


def main() -> None:
    parser = argument_parser(__doc__, data="data/an4", runs="runs/an4", seeds=[1, 2, 3])
    parser.add_argument("--archive", type=Path, help="an4_sphere.tar.gz, if you have it")
    arguments = parser.parse_args()
    with errors_told("an4"):
        manifests = prepare_corpus(arguments.data, arguments.archive)
        # Words are those of the training transcripts and of the corpus's own pronunciation dictionary.
        dictionary = arguments.data / "unpacked" / "an4" / "etc" / "an4.dic"
        language_model = LanguageModel("lexicon", lexicon=dictionary if dictionary.exists() else None)
        tests = {"test": manifests.test}
        experiment = Experiment(CONF, manifests.train, manifests.dev, tests, language_model)
        run_seeds(experiment, arguments.runs, arguments.seeds, arguments.set)


def prepare_corpus(data: Path, archive: Path | None) -> Manifests:
    """Stages fetch and prepare."""
    manifests = Manifests(data / "train.jsonl", data / "dev.jsonl", data / "test.jsonl")
    if all(path.is_file() for path in (manifests.train, manifests.dev, manifests.test)):
        say("fetch, prepare", f"done before: {data}")
        return manifests
    say("fetch", "the corpus: CMU AN4, free for any use")
    path = fetch(data, archive)
    say("prepare", f"unpacking {path}, checking counts and contents")
    manifests = prepare(path, data)
    say_sizes([manifests.train, manifests.dev, manifests.test])
    return manifests


if __name__ == "__main__":
    main()
