"""`asr score`: reference + hypothesis -> word error rate."""

from pathlib import Path
from typing import Annotated

import typer

_FORMS = "text, trn, stm, ctm, json, tsv or kaldi; by its content if not given."


def score(
    ref: Annotated[
        Path,
        typer.Argument(
            metavar="REF", help="References: text by line, JSON lines, TSV, trn, stm, ctm, Kaldi's text, transcripts."
        ),
    ],
    hyp: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="HYP",
            help="Hypotheses of one or more systems, in any of these forms, or as NeMo and Whisper write them.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Only the numbers, as one JSON object.")] = False,
    listing: Annotated[bool, typer.Option("--listing", help="Also each utterance, aligned, with its errors.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Also write a page: each utterance aligned, with filters, a search, and sound.")
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(help="Folder with the sounds for the page, if REF does not name them.")
    ] = None,
    show_failures: Annotated[
        bool, typer.Option("--failures", help="Also where it fails: words, utterances, speakers, lengths.")
    ] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="Slice by this field of the manifest, too; may be given more than once."),
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Also write the whole score of one system here, for --compare.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="REF and HYP are two runs, or two such scores: what did a change do?")
    ] = False,
    missing: Annotated[
        str, typer.Option(help="References without a hypothesis are refused, count as deleted, or are left-out.")
    ] = "refused",
    extra: Annotated[str, typer.Option(help="Hypotheses without a reference are refused or left-out.")] = "refused",
    doubled: Annotated[
        str, typer.Option(help="An id that stands twice in a file is refused, or the first or last counts.")
    ] = "refused",
    ref_form: Annotated[str | None, typer.Option(help=f"The form of REF: {_FORMS}")] = None,
    hyp_form: Annotated[str | None, typer.Option(help=f"The form of HYP: {_FORMS}")] = None,
    fragments: Annotated[
        bool,
        typer.Option(
            "--fragments", help="In a trn or stm, a word with a hyphen at an end is right as any that goes on."
        ),
    ] = False,
    optional_words: Annotated[
        bool,
        typer.Option("--optional-words/--no-optional-words", help="Whether (words) of a trn or stm may be left out."),
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
    from asr.cli.output import print_page, print_scores
    from asr.cli.score_comparison import compare_scores
    from asr.errors import ScoringError
    from asr.scoring.failures import failures
    from asr.scoring.matching import Matching, Notation
    from asr.scoring.stored import write_score
    from asr.scoring.systems import score_files

    if compare and len(hyp or []) != 1:
        raise ScoringError("--compare needs two runs, or two scores")
    if record is not None and len(hyp or []) > 1:
        raise ScoringError(f"--record stores the score of one system, found {len(hyp or [])}")
    if compare:
        compare_scores(ref, (hyp or [])[0], as_json=json, listing=listing, html=html, by=by or [])
        return
    systems = score_files(
        ref,
        hyp or [],
        matching=Matching(missing, extra, doubled),
        notation=Notation(optional_words, fragments),
        reference_form=ref_form,
        hypothesis_form=hyp_form,
        alignment=alignment,
        spaces=spaces,
    )
    for note in dict.fromkeys(note for system in systems for note in system.texts.notes):
        complain(note)
    if record is not None:
        write_score(record, systems[0].score)
    is_asked = show_failures or bool(by)
    found = {s.name: failures(s.score, by=by or []) for s in systems} if is_asked or html is not None else {}
    if html is not None:
        print_page(html, systems, ref, audio, found)
    scores = {system.name: system.score for system in systems}
    print_scores(scores, as_json=json, listing=listing, failures=found if is_asked else None)
