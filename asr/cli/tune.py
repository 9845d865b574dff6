"""`asr tune`: model + language model + dev set -> a model that uses it."""

from pathlib import Path
from typing import Annotated

import typer


def tune(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder. The result is written into it.")],
    dev: Annotated[Path, typer.Argument(metavar="DEV", help="Manifest with texts, not used in training.")],
    lm: Annotated[
        Path | None, typer.Option(help="Language model: .bin, .arpa or .arpa.gz. Default: the one in MODEL.")
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(help="word: other words are allowed too; lexicon: no others; token. Default: MODEL's, else word."),
    ] = None,
    rnn_lm: Annotated[
        Path | None, typer.Option(help="Neural language model, from `asr lm train-rnn`, that rescores the best texts.")
    ] = None,
    lexicon: Annotated[
        Path | None, typer.Option(help="More words to allow: the first of each line, as in a dictionary.")
    ] = None,
) -> None:
    """Find the weights of a language model on dev, and put it into the model; `asr transcribe` then uses it."""
    from asr.cli.output import complain_of_unwritable, print_tuning, progress_bar
    from asr.corpus.manifest import read_manifest
    from asr.tuning import add_language_model, save_tuned
    from asr.tuning import tune as tune_model

    recognizer = add_language_model(model, lm, unit=unit, lexicon=lexicon, neural_lm=rnn_lm)
    utterances = read_manifest(dev)
    with progress_bar() as progress:
        tuning = tune_model(recognizer, utterances, progress=progress)
    complain_of_unwritable(dev, recognizer.tokens, utterances)
    save_tuned(tuning, model, dev=str(dev))
    print_tuning(tuning, model)
