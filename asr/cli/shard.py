"""`asr shard`: manifest -> tar shards."""

from pathlib import Path
from typing import Annotated

import typer


def shard(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="The corpus, JSON lines.")],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="For the shards; must be new or empty.")],
    megabytes: Annotated[
        float, typer.Option(min=0.001, help="Largest size of a shard. Training holds eight of them in memory.")
    ] = 64.0,
) -> None:
    """Pack a corpus into tar files that training reads in sequence: give FOLDER as data.train.

    For a corpus larger than memory, on a disk that is slow with many small files. The utterances are shuffled. Check
    the manifest with `asr doctor` first: the sound files are packed unchanged.
    """
    from asr.cli.messages import complain
    from asr.cli.output import progress_bar
    from asr.corpus.shards import write_shards

    with progress_bar() as progress:
        corpus = write_shards(manifest, folder, shard_bytes=round(megabytes * 2**20), progress=progress)
    complain(f"{len(corpus)} utterances in {len(corpus.shards)} shards")
    print(folder)
