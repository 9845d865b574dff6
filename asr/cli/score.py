"""`asr score`: reference + hypothesis -> word error rate."""

from pathlib import Path
from typing import Annotated

import typer


def score(
    ref: Annotated[
        Path, typer.Argument(metavar="REF", help="References: text, one utterance a line, or a JSON-lines manifest.")
    ],
    hyp: Annotated[
        Path, typer.Argument(metavar="HYP", help="Hypotheses, in either form; JSON lines are matched by id.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Only the numbers, as one JSON object.")] = False,
    listing: Annotated[bool, typer.Option("--listing", help="Also each utterance, aligned, with its errors.")] = False,
    alignment: Annotated[
        str,
        typer.Option(help="minimal: least errors, then fewest substitutions; sclite: by the costs of NIST's tool."),
    ] = "minimal",
    spaces: Annotated[
        bool, typer.Option("--spaces/--no-spaces", help="Whether a space counts as a character of the CER.")
    ] = True,
) -> None:
    """Word and character error rate of texts, with a 95 % confidence interval."""
    from asr.cli.output import print_score
    from asr.scoring import pair
    from asr.scoring import score as score_texts

    texts = pair(ref, hyp)
    scored = score_texts(texts.references, texts.hypotheses, ids=texts.ids, alignment=alignment, spaces=spaces)
    print_score(scored, as_json=json, listing=listing)
