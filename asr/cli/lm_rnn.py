"""`asr lm train-rnn`: text -> a neural language model (RNN-LM) for rescoring."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from asr.lm.neural.model import NeuralLM
    from asr.lm.neural.train import EpochReport, NeuralTrainingSettings
    from asr.tokens import Tokens


def train_rnn(
    text: Annotated[list[Path], typer.Argument(metavar="TEXT", help="Text, one sentence a line; .gz or .xz is fine.")],
    *,
    dev: Annotated[Path, typer.Option(metavar="TEXT", help="Other text, on which the best weights are chosen.")],
    tokens: Annotated[Path, typer.Option(metavar="MODEL", help="Model folder or tokens.model file: the units.")],
    output: Annotated[Path, typer.Option(metavar="FILE", help="The model, such as rnn_lm.safetensors.")],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Override: network.hidden_size=512, max_epochs=20. Repeatable."
        ),
    ] = None,
) -> None:
    """Train a small LSTM language model for rescoring. Ctrl-C keeps the best one so far."""
    from asr.cli.messages import complain
    from asr.cli.output import progress_bar
    from asr.errors import Interrupted
    from asr.lm.neural.train import train_neural_lm
    from asr.tokens import Tokens
    from asr.torch_engine import default_device

    settings = _settings(set_ or [])
    units = Tokens.load(tokens / "tokens.model" if tokens.is_dir() else tokens)
    texts, dev_texts = _texts(text, units), _texts([dev], units)
    with progress_bar() as progress:

        def on_epoch(report: "EpochReport", lm: "NeuralLM") -> None:
            if report.is_best:
                lm.save(output)
            complain(
                f"epoch {report.epoch:3d}  loss {report.train_loss:.3f}  dev perplexity per word "
                f"{report.dev_perplexity:.1f}{'  best' if report.is_best else ''}  {report.seconds:.1f} s"
            )
            progress("training", report.epoch, settings.max_epochs)

        progress("training", 0, settings.max_epochs)
        try:
            train_neural_lm(texts, dev_texts, units, settings, device=default_device(), on_epoch=on_epoch)
        except KeyboardInterrupt:
            raise Interrupted(f"stopped; if an epoch was done, the best model so far is in {output}") from None
    print(output)


def _settings(overrides: Sequence[str]) -> "NeuralTrainingSettings":
    from asr.lm.neural.train import NeuralTrainingSettings
    from asr.settings import apply_overrides

    values: dict[str, Any] = {}
    apply_overrides(values, overrides)
    return NeuralTrainingSettings.parse(values, source=f"--set {' '.join(overrides)}")


def _texts(paths: Sequence[Path], tokens: "Tokens") -> list[str]:
    """The lines of files; the error for one that the tokens cannot write names file and line."""
    from asr.lm.text import read_sentences

    def split(line: str, where: str) -> list[str]:
        tokens.encode(line, where=where)
        return line.split()

    return [" ".join(words) for words in read_sentences(paths, split)]
