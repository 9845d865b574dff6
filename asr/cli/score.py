"""`asr score`: reference + hypothesis -> word error rate."""

from pathlib import Path
from typing import Annotated

import typer


def score(
    ref: Annotated[
        Path,
        typer.Argument(metavar="REF", help="References: text, one utterance a line; a JSON-lines manifest; or a trn."),
    ],
    hyp: Annotated[
        Path, typer.Argument(metavar="HYP", help="Hypotheses, in any of these forms; matched by id, text by line.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Only the numbers, as one JSON object.")] = False,
    listing: Annotated[bool, typer.Option("--listing", help="Also each utterance, aligned, with its errors.")] = False,
    missing: Annotated[
        str, typer.Option(help="References without a hypothesis are refused, count as deleted, or are left-out.")
    ] = "refused",
    fragments: Annotated[
        bool,
        typer.Option("--fragments", help="A word with a hyphen at an end, in a trn, is right as any that goes on."),
    ] = False,
    optional_words: Annotated[
        bool,
        typer.Option("--optional-words/--no-optional-words", help="Whether (words) of a trn may be left out."),
    ] = True,
    alignment: Annotated[
        str,
        typer.Option(help="minimal: least errors, then fewest substitutions; sclite: by the costs of NIST's tool."),
    ] = "minimal",
    spaces: Annotated[
        bool, typer.Option("--spaces/--no-spaces", help="Whether a space counts as a character of the CER.")
    ] = True,
) -> None:
    """Word and character error rate of texts, with a 95 % confidence interval."""
    from asr.cli.messages import complain
    from asr.cli.output import print_score
    from asr.scoring import pair
    from asr.scoring import score as score_texts

    texts = pair(ref, hyp, missing=missing, optional_words=optional_words, fragments=fragments)
    for note in texts.notes:
        complain(note)
    scored = score_texts(texts.references, texts.hypotheses, ids=texts.ids, alignment=alignment, spaces=spaces)
    print_score(scored, as_json=json, listing=listing)
