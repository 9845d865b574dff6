"""`make demo`: a speech recogniser learns before your eyes, from nothing, on the CPU, in about ten minutes.

First the English model that comes with the package hears a real recording. Then the demo speaks its own small corpus
with a synthetic voice (hibari-tts; code and voice Apache-2.0), trains a bidirectional LSTM with CTC on it, and
transcribes sentences that it has never seen, in voices that it has never heard.
"""

# The processes that make the corpus import this module too: torch is imported only where it is used.
import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console

from asr.corpus.manifest import read_manifest
from asr.errors import AsrError, Interrupted
from asr.pretrained.installed import RECORDING
from asr.scoring import UtteranceScore, marked_line, summary_line
from recipes.demo.corpus import DemoCorpus, make_corpus

NUM_SHOWN = 12
console = Console(soft_wrap=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("demo"), help="where everything goes (default: demo)")
    parser.add_argument("--num-train", type=int, default=1000, help="training sentences (default: 1000)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a setting")
    arguments = parser.parse_args()
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # see docs/decisions/0002-threads.md
    started = time.perf_counter()
    try:
        run(arguments.folder, arguments.num_train, arguments.set)
    except (Interrupted, KeyboardInterrupt):
        print("demo: stopped; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
    except AsrError as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(2)
    console.print(f"\nDone in {(time.perf_counter() - started) / 60:.1f} minutes.")


def run(folder: Path, num_train: int, overrides: list[str]) -> None:
    """A real recording; corpus, training, test. Completed steps are skipped."""
    console.rule("0. A real recording, heard by the model that comes with the package", align="left")
    _hear()
    console.rule("1. A corpus: spoken by a synthetic voice in many disguises", align="left")
    stamp = folder / "corpus" / "corpus.json"
    before = stamp.read_text(encoding="utf-8") if stamp.is_file() else None
    corpus = make_corpus(folder / "corpus", num_train=num_train, num_dev=60, num_test=60, seed=1)
    if before != stamp.read_text(encoding="utf-8"):
        shutil.rmtree(folder / "run", ignore_errors=True)  # what was learnt from another corpus
    _describe(corpus)
    console.rule("2. Training: log-mel frames -> bidirectional LSTM -> CTC", align="left")
    _train(corpus, folder / "run", overrides)
    console.rule("3. Test: sentences never seen, voices never heard", align="left")
    _test(corpus, folder)


def _hear() -> None:
    from asr.recognizer import Recognizer

    recognizer = Recognizer.load("english", engine="onnx")
    recognizer.transcribe(RECORDING)  # the first time, numba's cache is read
    started = time.perf_counter()
    transcript = recognizer.transcribe(RECORDING)
    seconds = time.perf_counter() - started
    console.print(
        f"said   {RECORDING.with_suffix('.txt').read_text(encoding='utf-8').strip()}", style="dim", highlight=False
    )
    console.print("heard ", transcript.printed().text, highlight=False)
    console.print(f"in {seconds:.2f} seconds; .venv/bin/asr transcribe {RECORDING}", style="dim")
    console.print("An early model, wrong in two words of three: asr models english says more.\n", style="dim")


def _describe(corpus: DemoCorpus) -> None:
    for name, path in (("train", corpus.train), ("dev", corpus.dev), ("test", corpus.test)):
        utterances = read_manifest(path)
        minutes = sum(utterance.duration for utterance in utterances) / 60
        speakers = len({utterance.speaker for utterance in utterances})
        console.print(
            f"{name:5}  {len(utterances):4} sentences, {minutes:4.1f} minutes, {speakers} voices", style="dim"
        )
    console.print(f"for example {read_manifest(corpus.train)[0].audio_filepath}", style="dim")


def _train(corpus: DemoCorpus, folder: Path, overrides: list[str]) -> None:
    from asr.settings import load_settings
    from asr.training.run.checkpoint import Checkpoints
    from asr.training.settings import ExperimentSettings
    from asr.training.train import train

    data = [f"data.{name}={json.dumps(str(getattr(corpus, name)))}" for name in ("train", "dev")]
    settings = load_settings(ExperimentSettings, Path("conf/demo.yaml"), [*data, *overrides])
    train(settings, folder, resume=bool(Checkpoints(folder).paths()))


def _test(corpus: DemoCorpus, folder: Path) -> None:
    import torch

    from asr.audio import load_audio
    from asr.evaluation import evaluate
    from asr.pictures import save_sound_picture
    from asr.recognizer import Recognizer
    from asr.reporting.curves import draw_learning_curve

    recognizer = Recognizer.load(folder / "run" / "model")
    utterances = read_manifest(corpus.test)
    score = evaluate(recognizer, utterances).score
    for utterance in _shown(score.utterances):
        console.print(f"said   {utterance.reference}", style="dim", highlight=False)
        console.print("heard ", marked_line(utterance), highlight=False)
    console.print(f"\n{summary_line(score)}\n", style="bold", highlight=False)
    example = max(utterances, key=lambda utterance: len(utterance.text))
    transcript = recognizer.transcribe(example.audio_filepath)
    picture, curve = folder / "words.png", folder / "learning_curve.png"
    waveform = torch.from_numpy(load_audio(example.audio_filepath))
    save_sound_picture(picture, waveform, title=example.text, words=transcript.words)
    draw_learning_curve(folder / "run" / "metrics.jsonl", curve, title="CTC loss")
    console.print(f"pictures   {picture}  {curve}")
    console.print(f"your turn  .venv/bin/asr transcribe {folder / 'run' / 'model'} {example.audio_filepath}")


def _shown(utterances: tuple[UtteranceScore, ...]) -> list[UtteranceScore]:
    """Some without errors, then some with errors, at most half of them."""
    wrong = [utterance for utterance in utterances if utterance.errors][: NUM_SHOWN // 2]
    right = [utterance for utterance in utterances if not utterance.errors]
    return right[: NUM_SHOWN - len(wrong)] + wrong


if __name__ == "__main__":
    main()
