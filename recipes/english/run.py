"""The English recipe: real corpora, synthetic voices and text -> a recogniser, stage by stage.

    python -m recipes.english.run --data data/english --extra english-extra.tar \
        --text books=sentences.txt.xz --text general=general.txt.xz --voice hibari=20 --times 3

Stages: prepare, texts, prompts, synthesize and mix (only with --voice), train, lm, tune, test on dev. The first ones
are also commands of their own (see the README beside). Finished stages are skipped, and the same command goes on after
an interruption.
"""

from collections.abc import Sequence
from pathlib import Path

from asr.corpus.manifest import read_manifest, write_manifest
from recipes.english.language_model import make_language_model
from recipes.english.mix import write_mixture
from recipes.english.prepare import add_corpora, prepare
from recipes.english.prompts import write_prompts
from recipes.english.synthesize import synthesize
from recipes.english.texts import name_and_file, write_texts
from recipes.english.voices import load_voice
from recipes.stages import Experiment, LanguageModel, argument_parser, errors_told, run_seeds

CONF = Path("conf/english.yaml")
NUM_PROMPTS = 300_000


def main() -> None:
    parser = argument_parser(__doc__, data="data/english", runs="runs/english", seeds=[1])
    add_corpora(parser)
    parser.add_argument("--text", action="append", required=True, metavar="NAME=FILE", help="printed English")
    parser.add_argument("--voice", action="append", default=[], metavar="NAME=HOURS", help="synthetic speech")
    parser.add_argument("--times", type=int, default=1, help="with --voice: how often real utterances come in an epoch")
    arguments = parser.parse_args()
    with errors_told("english"):
        data = arguments.data
        if not (data / "train.jsonl").exists():
            prepare(data, arguments)
        evaluation = [*sorted(data.glob("dev_*.jsonl")), data / "an4" / "dev.jsonl", data / "an4" / "test.jsonl"]
        texts = dict(name_and_file(text) for text in arguments.text)
        if not (data / "text" / "texts.json").exists():
            write_texts(texts, [data / "train.jsonl"], evaluation, data / "text")
        train = data / "train.jsonl"
        if arguments.voice:
            hours = {name: float(number) for name, _, number in (voice.partition("=") for voice in arguments.voice)}
            train = _mixture(data, list(texts.values()), evaluation, hours, arguments.times)
        dev, tests = _dev(data)
        kinds = [data / "text" / f"{name}.txt" for name in (*texts, "transcripts")]
        language_model = LanguageModel("word", file=make_language_model(kinds, dev, data / "text" / "lm.bin"))
        run_seeds(Experiment(CONF, train, dev, tests, language_model), arguments.runs, arguments.seeds, arguments.set)


def _mixture(
    data: Path, texts: Sequence[Path], evaluation: Sequence[Path], hours: dict[str, float], times: int
) -> Path:
    prompts = data / "prompts.txt"
    if not prompts.exists():
        write_prompts(texts, evaluation, prompts, NUM_PROMPTS, seed=1)
    for name, number in hours.items():
        synthesize(name, load_voice, prompts, data / "synthetic" / name, hours=number, seed=1)
    mixture = data / "train_mixed.jsonl"
    synthetic = {data / "synthetic" / name: number for name, number in hours.items()}
    write_mixture([data / "train.jsonl"], times, synthetic, mixture)
    return mixture


def _dev(data: Path) -> tuple[Path, dict[str, Path]]:
    """One manifest of all dev sets, for choices, and each by its name."""
    parts = {path.stem.removeprefix("dev_"): path for path in sorted(data.glob("dev_*.jsonl"))}
    write_manifest(data / "dev.jsonl", [u for path in parts.values() for u in read_manifest(path)])
    return data / "dev.jsonl", parts


if __name__ == "__main__":
    main()
