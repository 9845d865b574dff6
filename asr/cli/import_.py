"""`asr import`: a corpus in another tool's format -> manifest."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Kind(StrEnum):
    """Forms of corpora."""

    folder = "folder"
    csv = "csv"
    tsv = "tsv"
    kaldi = "kaldi"
    nemo = "nemo"
    lhotse = "lhotse"
    huggingface = "huggingface"


def import_(
    kind: Annotated[
        Kind,
        typer.Argument(
            help="What SOURCE is. folder: sound files with a .txt beside each; csv, tsv: a table with named columns; "
            "kaldi: a data directory; nemo: a manifest; lhotse: cuts, or a Shar folder; huggingface: a saved dataset."
        ),
    ],
    source: Annotated[Path, typer.Argument(metavar="SOURCE", help="A folder or a file.")],
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The manifest, a .jsonl file.")],
    audio_folder: Annotated[
        Path | None, typer.Option(help="Folder that relative paths in SOURCE start from. Default: that of SOURCE.")
    ] = None,
    audio_column: Annotated[str | None, typer.Option(help="Tables: name of the column of sound files.")] = None,
    text_column: Annotated[str | None, typer.Option(help="Tables: name of the column of texts.")] = None,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out entries without sound file or text, and broken lines.")
    ] = False,
) -> None:
    """Write a manifest for a corpus in another tool's format.

    Sound files stay where they are; sound within archives is written into a folder named as OUT, without .jsonl.
    """
    from asr.cli.messages import complain
    from asr.corpus.importers import entries, folder, huggingface, kaldi, lhotse, nemo, table
    from asr.corpus.manifest import write_manifest

    columns = {"audio_column": audio_column, "text_column": text_column}
    sounds = output.with_suffix("")  # the folder for sound extracted from archives
    match kind:
        case Kind.folder:
            rows = folder.read_folder(source)
        case Kind.csv | Kind.tsv:
            separator = "," if kind is Kind.csv else "\t"
            rows = table.read_table(source, separator=separator, audio_folder=audio_folder, **columns)
        case Kind.kaldi:
            rows = kaldi.read_kaldi(source, audio_folder=audio_folder)
        case Kind.nemo:
            rows = nemo.read_nemo(source, audio_folder=audio_folder)
        case Kind.lhotse:
            rows = lhotse.read_lhotse(source, sounds=sounds, audio_folder=audio_folder)
        case Kind.huggingface:
            rows = huggingface.read_hugging_face(source, sounds=sounds, **columns)
    utterances, left_out = entries.to_utterances(rows, source=source, skip_missing=skip_missing)
    write_manifest(output, utterances)
    if left_out:
        complain(left_out)
    complain(f"{len(utterances)} utterances, {sum(u.duration for u in utterances) / 3600:.2f} h")
    print(output)
