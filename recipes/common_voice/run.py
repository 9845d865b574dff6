"""The Common Voice recipe, for any of its languages: many people read sentences aloud.

    python -m recipes.common_voice.run --language de --archive cv-corpus-17.0-2024-03-15-de.tar.gz

Mozilla provides the archive of a language (CC0) only after you agree to its terms, so it is not downloaded here: see
https://commonvoice.mozilla.org/datasets. Train, dev and test are the corpus's own: train.tsv, dev.tsv and test.tsv.
Text is in lower case, without punctuation.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

from asr.corpus.importers.entries import Entry, Row, to_utterances
from asr.corpus.importers.table import read_table
from asr.corpus.manifest import write_manifest
from asr.errors import CorpusError
from asr.fetch.archive import unpack
from recipes.stages import Experiment, LanguageModel, argument_parser, errors_told, run_seeds, say, say_sizes
from recipes.texts import spoken_words

CONF = Path("conf/common_voice.yaml")
SPLITS = ("train", "dev", "test")


def main() -> None:
    parser = argument_parser(__doc__, data="data/common_voice", runs="runs/common_voice", seeds=[1])
    parser.add_argument("--language", required=True, help="code of the language, as in the archive: de, sw, zh-CN")
    parser.add_argument("--archive", type=Path, help="the archive of the language; needed once")
    arguments = parser.parse_args()
    with errors_told("common_voice"):
        paths = prepare(arguments.language, arguments.data / arguments.language, arguments.archive)
        language_model = LanguageModel("word")
        experiment = Experiment(CONF, paths["train"], paths["dev"], {"test": paths["test"]}, language_model)
        run_seeds(experiment, arguments.runs / arguments.language, arguments.seeds, arguments.set)


def prepare(language: str, folder: Path, archive: Path | None) -> dict[str, Path]:
    """The manifests train.jsonl, dev.jsonl and test.jsonl; unusable recordings are left out and reported."""
    paths = {split: folder / f"{split}.jsonl" for split in SPLITS}
    if all(path.is_file() for path in paths.values()):
        say("prepare", f"done before: {folder}")
        return paths
    unpacked = folder / "unpacked"
    if not unpacked.exists():
        if archive is None:
            raise CorpusError(
                f"{unpacked}: the corpus is not there; get the archive of {language} from "
                "https://commonvoice.mozilla.org/datasets, and give it with --archive"
            )
        say("prepare", f"unpacking {archive}")
        unpack(archive, unpacked, check=partial(_check, language=language, archive=archive))
    for split, path in paths.items():
        _write_split(next(unpacked.glob(f"*/{language}")) / f"{split}.tsv", path)
    say_sizes(list(paths.values()))
    return paths


def _check(unpacked: Path, *, language: str, archive: Path) -> None:
    for split in SPLITS:
        if len(list(unpacked.glob(f"*/{language}/{split}.tsv"))) != 1:
            found = ", ".join(sorted(path.name for path in unpacked.glob("*/*"))) or "nothing"
            raise CorpusError(f"{archive}: expected <release>/{language}/{split}.tsv in it, found {found}")


def _write_split(table: Path, manifest: Path) -> None:
    clips = table.parent / "clips"
    rows = read_table(table, separator="\t", audio_column="path", text_column="sentence", audio_folder=clips)
    utterances, left_out = to_utterances([_spoken(row) for row in rows], source=table, skip_missing=True)
    if left_out:
        say("prepare", f"{table.name}: {left_out}")
    write_manifest(manifest, utterances)


def _spoken(row: Row) -> Row:
    return replace(row, text=spoken_words(row.text or "") or None) if isinstance(row, Entry) else row


if __name__ == "__main__":
    main()
