"""An archive, given or downloaded -> an unpacked and checked corpus."""

from collections.abc import Callable, Sequence
from pathlib import Path

from asr.errors import CorpusError
from asr.fetch.archive import unpack
from asr.fetch.download import download
from recipes.stages import say


def fetch_and_unpack(
    urls: Sequence[str],
    unpacked: Path,
    *,
    downloads: Path,
    sha256: str,
    archive: Path | None,
    find_problem: Callable[[Path], str | None],
) -> None:
    """Stages fetch and prepare: unpack `archive`, else the download from `urls`, into `unpacked`.

    The download is kept in `downloads`; an unpacked corpus is reused. `find_problem` is called with the unpacked
    folder; if it returns a problem, the archive is refused. The checksum is only for the download: a copy may be packed
    differently.

    Raises:
        CorpusError: no address gives the archive, or it is not what it should be.
        OutputError: the files cannot be written.
    """
    if unpacked.exists():
        say("fetch, prepare", f"unpacked before: {unpacked}")
        return
    if archive is None:
        say("fetch", urls[0])
        archive = download(urls, downloads / urls[0].rpartition("/")[2], sha256=sha256)
    source = archive

    def check(whole: Path) -> None:
        if problem := find_problem(whole):
            raise CorpusError(f"{source}: {problem}; remove it and get it anew")

    say("prepare", f"unpacking {archive}, checking what is in it")
    unpack(archive, unpacked, check=check)
