"""Unpacking a corpus archive, so that nothing is written outside its folder or left half done."""

import shutil
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from asr.errors import CorpusError, OutputError, system_reason
from asr.files import atomic_folder

# The errors of tarfile and gzip on other contents.
_DAMAGE = (tarfile.TarError, EOFError, zlib.error, ValueError, OverflowError)

_MAX_RATIO = 100  # sound and text have about 4; a thousandfold would fill a disk and is not a corpus
_UNSUSPICIOUS = 2**28  # bytes that may come out of any archive


def unpack(archive: Path, folder: Path, *, check: Callable[[Path], None] | None = None) -> None:
    """Unpack `archive` (.tar or .tar.gz) into `folder`, all of it or nothing.

    Only plain files and folders are unpacked: no links and no devices, so that no path can lead out of `folder`.
    Everything goes into a temporary folder beside `folder`, which is renamed when it is whole.

    Args:
        check: called with the temporary folder before the renaming; if it raises, the archive is refused.

    Raises:
        CorpusError: if the archive is missing, is no archive, is truncated or damaged, or has a member that would
            leave the folder or is neither a file nor a folder; if `folder` holds something already.
        OutputError: if the files cannot be written.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise CorpusError(f"{folder}: is there already; remove it to unpack {archive} anew")
    if not archive.is_file():
        raise CorpusError(f"{archive}: no such archive file")
    try:
        with atomic_folder(folder) as whole:
            _extract(archive, whole)
            if check is not None:
                check(whole)
    except OSError as error:
        raise OutputError(f"{folder}: {archive} could not be unpacked ({system_reason(error)})") from None


def _extract(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive, "r:*") as tar:
            most, size = max(_UNSUSPICIOUS, _MAX_RATIO * archive.stat().st_size), 0
            for member in tar:
                size += member.size
                if size > most:
                    raise CorpusError(f"{archive}: refused, as it holds more than {_MAX_RATIO} times its own size")
                _extract_member(tar, member, archive, folder)
            _refuse_early_end(tar, archive)
    except _DAMAGE as error:
        raise CorpusError(_damaged(archive, str(error))) from None
    except OSError as error:
        # The decompressors raise an OSError without errno on damaged data; the operating system always gives one.
        if error.errno is not None:
            raise
        raise CorpusError(_damaged(archive, str(error))) from None


def _extract_member(tar: tarfile.TarFile, member: tarfile.TarInfo, archive: Path, folder: Path) -> None:
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise CorpusError(
            f"{archive}: refused, as its member {member.name!r} would leave the folder it is unpacked into"
        )
    target = folder / name
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    content = tar.extractfile(member) if member.isfile() else None
    if content is None:
        kind = f"a link to {member.linkname!r}" if member.islnk() or member.issym() else "a special file"
        raise CorpusError(
            f"{archive}: refused, as its member {member.name!r} is {kind}; expected files and folders only"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("wb") as file:
        shutil.copyfileobj(content, file)


def _refuse_early_end(tar: tarfile.TarFile, archive: Path) -> None:
    """tarfile takes any unreadable header for the end, and does not read as far as gzip's checksum: check both here."""
    assert tar.fileobj is not None
    tar.fileobj.seek(tar.offset)
    if tar.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise CorpusError(_damaged(archive, "its end mark is missing"))
    while tar.fileobj.read(1 << 20):
        pass


def _damaged(archive: Path, reason: str) -> str:
    first_line = reason.partition("\n")[0].rstrip(":")  # tarfile adds a line for each compression
    return f"{archive}: not a tar archive, or a truncated or damaged one ({first_line}); remove it and get it anew"
