"""`asr evaluate`: model + manifest -> word error rate."""

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Model folder.")],
    manifest: Annotated[
        Path, typer.Argument(metavar="MANIFEST", help="Manifest, JSON lines with the reference texts.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Only the numbers, as one JSON object.")] = False,
    listing: Annotated[bool, typer.Option("--listing", help="Also each utterance, aligned, with its errors.")] = False,
    record: Annotated[
        Path | None, typer.Option(help="Also write the whole score here, for `asr score --compare`.")
    ] = None,
    hypotheses: Annotated[Path | None, typer.Option(help="Also write the hypotheses here, as JSON lines.")] = None,
) -> None:
    """Recognise the utterances of a manifest and score them."""
    from asr.cli.output import complain_of_unwritable, print_scores, write_hypotheses
    from asr.corpus.manifest import read_manifest
    from asr.evaluation import evaluate as evaluate_model
    from asr.recognizer import Recognizer
    from asr.scoring.stored import write_score

    recognizer = Recognizer.load(model, device="auto")
    utterances = read_manifest(manifest)
    result = evaluate_model(recognizer, utterances)
    complain_of_unwritable(manifest, recognizer.tokens, utterances)
    if record is not None:
        write_score(record, result.score)
    if hypotheses is not None:
        write_hypotheses(hypotheses, result.score)
    print_scores({model.name: result.score}, as_json=json, listing=listing)
