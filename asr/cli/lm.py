"""`asr lm`: language models: text -> model, conversion between file formats, model + text -> perplexity."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from asr.cli.lm_rnn import train_rnn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

lm_app = typer.Typer(help="Make, convert and measure language models.", no_args_is_help=True)
lm_app.command("train-rnn")(train_rnn)

TokensOption = Annotated[
    Path | None,
    typer.Option(metavar="MODEL", help="Model folder or tokens.model file: its tokens take the place of words."),
]


@lm_app.command()
def estimate(
    text: Annotated[list[Path], typer.Argument(metavar="TEXT", help="Text, one sentence a line; .gz or .xz is fine.")],
    *,
    output: Annotated[Path, typer.Option(help="The model: .arpa, .arpa.gz or .bin, which loads at once.")],
    order: Annotated[int, typer.Option(min=1, help="Words in the longest n-grams.")] = 3,
    min_counts: Annotated[
        str,
        typer.Option(
            metavar="N,N,...",
            help="1,1,2 leaves out 3-grams seen less than twice; the last number also applies to longer ones.",
        ),
    ] = "",
    prune: Annotated[
        float | None,
        typer.Option(min=0, help="Entropy pruning: drop n-grams that change perplexity by less, such as 1e-8."),
    ] = None,
    tokens: TokensOption = None,
    memory_mb: Annotated[
        int, typer.Option(help="Working memory, beside the finished model; the rest is on disk.")
    ] = 1000,
) -> None:
    """Estimate a model from text by modified Kneser-Ney smoothing."""
    from asr.lm.estimate import estimate_ngrams
    from asr.lm.formats import check_name, save_ngram_model
    from asr.lm.ngram import NGramModel
    from asr.lm.prune import prune_ngrams

    check_name(output)
    estimated = estimate_ngrams(
        _sentences(text, tokens),
        order=order,
        min_counts=_parse_counts(min_counts),
        memory_mb=memory_mb,
        folder=output.parent,  # a disk with room for the model has room for these files
    )
    ngrams = estimated.ngrams
    if prune is not None:
        ngrams = prune_ngrams(estimated.words, ngrams, prune)
    save_ngram_model(NGramModel.from_ngrams(estimated.words, ngrams), output)
    for number, (table, discounts) in enumerate(zip(ngrams, estimated.discounts, strict=True), start=1):
        values = f"{discounts.one:.4g}, {discounts.two:.4g}, {discounts.three_or_more:.4g}"
        origin = ", since the text has too few to estimate them" if discounts.is_fallback else ""
        print(f"{len(table.words)} {number}-grams, discounts {values}{origin}", file=sys.stderr)
    print(output)


@lm_app.command()
def interpolate(
    models: Annotated[list[Path], typer.Argument(metavar="LM", help="Models: .arpa, .arpa.gz or .bin.")],
    *,
    output: Annotated[Path, typer.Option(help="The model: .arpa, .arpa.gz or .bin, which loads at once.")],
    weights: Annotated[
        str, typer.Option(metavar="W,W,...", help="One weight a model, 1 in sum; or else give --fit.")
    ] = "",
    fit: Annotated[
        list[Path] | None, typer.Option(metavar="TEXT", help="Text that the weights are to fit best. Repeatable.")
    ] = None,
    prune: Annotated[
        float | None,
        typer.Option(min=0, help="Entropy pruning: drop n-grams that change perplexity by less, such as 1e-8."),
    ] = None,
) -> None:
    """Make one model of several, each estimated on a text of its own kind."""
    from asr.lm.formats import check_name, load_ngram_model, save_ngram_model
    from asr.lm.interpolate import interpolate as interpolate_models
    from asr.lm.interpolate import mixture_weights
    from asr.lm.ngram import NGramModel
    from asr.lm.prune import prune_ngrams

    if bool(weights) == bool(fit):
        raise typer.BadParameter("give either --weights or --fit", param_hint="--weights")
    check_name(output)
    parts = [load_ngram_model(path) for path in models]
    shares = _parse_weights(weights) if weights else mixture_weights(parts, _sentences(fit or [], None))
    mixed = interpolate_models(parts, shares)
    if prune is not None:
        words = mixed.vocabulary.words()
        mixed = NGramModel.from_ngrams(words, prune_ngrams(words, mixed.to_ngrams(), prune))
    save_ngram_model(mixed, output)
    for path, share in zip(models, shares, strict=True):
        print(f"{share:.4f}  {path}", file=sys.stderr)
    print(", ".join(f"{count} {order}-grams" for order, count in enumerate(mixed.num_ngrams, 1)), file=sys.stderr)
    print(output)


@lm_app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A model: .arpa, .arpa.gz or .bin.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The same model; its name gives the format.")],
) -> None:
    """Write a model in another format. A .bin loads at once; other tools read .arpa."""
    from asr.lm.formats import check_name, load_ngram_model, save_ngram_model

    check_name(target)
    save_ngram_model(load_ngram_model(source), target)
    print(target)


@lm_app.command()
def perplexity(
    lm: Annotated[Path, typer.Argument(metavar="LM", help="A model: .arpa, .arpa.gz or .bin.")],
    text: Annotated[Path, typer.Argument(metavar="TEXT", help="Text, one sentence a line; .gz or .xz is fine.")],
    json: Annotated[bool, typer.Option("--json", help="Only the numbers, as one JSON object.")] = False,
    tokens: TokensOption = None,
) -> None:
    """How well a model predicts text: the lower, the better."""
    import json as json_module

    from asr.lm.formats import load_ngram_model
    from asr.lm.perplexity import perplexity as measure

    result = measure(load_ngram_model(lm), _sentences([text], tokens))
    if json:
        print(json_module.dumps(result.to_json()))
        return
    print(
        f"perplexity {result.with_unknown:.6g}, without unknown words {result.without_unknown:.6g} "
        f"({result.num_tokens} tokens, {result.num_unknown} unknown, {result.num_sentences} sentences)"
    )


def _sentences(texts: "Sequence[Path]", tokens_path: Path | None) -> "Iterator[Sequence[str]]":
    from asr.lm.text import read_sentences

    if tokens_path is None:
        return read_sentences(texts)
    from asr.tokens import Tokens

    tokens = Tokens.load(tokens_path / "tokens.model" if tokens_path.is_dir() else tokens_path)
    return read_sentences(texts, lambda text, where: [tokens.pieces[i] for i in tokens.encode(text, where=where)])


def _parse_weights(text: str) -> list[float]:
    from asr.errors import LanguageModelError

    try:
        return [float(weight) for weight in text.split(",")]
    except ValueError:
        raise LanguageModelError(f"--weights {text}: expected numbers, such as 0.7,0.3") from None


def _parse_counts(text: str) -> list[int]:
    from asr.errors import LanguageModelError

    try:
        return [int(count) for count in text.split(",")] if text else []
    except ValueError:
        raise LanguageModelError(f"--min-counts {text}: expected numbers, such as 1,1,2") from None
