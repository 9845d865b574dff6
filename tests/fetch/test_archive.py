"""Unpacking: what is whole and harmless comes out as it went in; everything else is refused and leaves nothing."""

import gzip
import io
import tarfile
from pathlib import Path
from typing import Literal

import pytest

from asr.errors import CorpusError, OutputError
from asr.fetch.archive import unpack

FILES = {"corpus/etc/text": b"HELLO\n" * 10, "corpus/wav/a/one.sph": bytes(range(256)) * 50, "corpus/empty": b""}


def member(name: str, kind: bytes = tarfile.REGTYPE, linkname: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, linkname, size
    return info


def make_archive(path: Path, *extra: tarfile.TarInfo, mode: Literal["w", "w:gz", "w:bz2"] = "w:gz") -> Path:
    """An archive of FILES and then of the members `extra`, whose contents are zeros."""
    with tarfile.open(path, mode) as tar:
        tar.addfile(member("corpus", tarfile.DIRTYPE))
        for name, content in FILES.items():
            tar.addfile(member(name, size=len(content)), io.BytesIO(content))
        for info in extra:
            tar.addfile(info, io.BytesIO(bytes(info.size)))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def assert_refused(archive: Path, pattern: str) -> None:
    """Refused in one line that names the archive, with nothing written anywhere beside it or above it."""
    before = contents(archive.parent.parent)
    folders = sorted(archive.parent.parent.rglob("*"))
    with pytest.raises(CorpusError, match=pattern) as error:
        unpack(archive, archive.parent / "out")
    assert str(error.value).startswith(str(archive))
    assert "\n" not in str(error.value)
    assert contents(archive.parent.parent) == before
    assert sorted(archive.parent.parent.rglob("*")) == folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with room above it, so that an escape would be seen."""
    (tmp_path / "inner").mkdir()
    return tmp_path / "inner"


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_everything_comes_out_as_it_went_in(folder: Path, mode: Literal["w", "w:gz"]) -> None:
    archive = make_archive(folder / "a.tar", mode=mode)
    unpack(archive, folder / "new" / "out")
    assert contents(folder / "new" / "out") == FILES
    assert names(folder / "new") == ["out"]


@pytest.mark.parametrize("name", ["../evil", "corpus/../../evil", "corpus/../../out-of-it/evil", "{above}/evil"])
def test_a_member_that_leaves_the_folder_is_refused(folder: Path, name: str) -> None:
    name = name.format(above=folder.parent)
    assert_refused(make_archive(folder / "a.tar.gz", member(name, size=9)), f"member '{name}' would leave the folder")


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        (tarfile.SYMTYPE, "is a link to '/etc/passwd'"),
        (tarfile.LNKTYPE, "is a link to '/etc/passwd'"),
        (tarfile.FIFOTYPE, "is a special file"),
        (tarfile.CHRTYPE, "is a special file"),
    ],
)
def test_links_and_devices_are_refused(folder: Path, kind: bytes, pattern: str) -> None:
    assert_refused(make_archive(folder / "a.tar.gz", member("corpus/odd", kind, "/etc/passwd")), pattern)


def test_a_link_cannot_be_used_as_a_way_out(folder: Path) -> None:
    archive = make_archive(folder / "a.tar.gz", member("way", tarfile.SYMTYPE, ".."), member("way/evil", size=3))
    assert_refused(archive, "is a link to '..'")


@pytest.mark.parametrize(
    "content", [b"", b"<html>not an archive</html>", bytes(300), gzip.compress(b"text" * 500, mtime=0)]
)
def test_what_is_no_archive_is_refused(folder: Path, content: bytes) -> None:
    archive = folder / "a.tar.gz"
    archive.write_bytes(content)
    assert_refused(archive, "not a tar archive")


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_an_archive_cut_anywhere_is_refused(folder: Path, mode: Literal["w", "w:gz"]) -> None:
    """Also at the border of two members, where tarfile alone sees a whole archive, and within gzip's checksum."""
    whole = make_archive(folder / "a.tar", mode=mode).read_bytes()
    end = len(whole) if mode == "w:gz" else len(whole.rstrip(b"\0"))
    for size in {*range(0, end, max(1, end // 40)), *range(512, end, 512), end - 1, end - 4}:
        (folder / "a.tar").write_bytes(whole[:size])
        assert_refused(folder / "a.tar", "not a tar archive, or a truncated or damaged one")


def test_a_changed_byte_in_a_compressed_archive_is_refused(folder: Path) -> None:
    whole = bytearray(make_archive(folder / "a.tar.gz").read_bytes())
    for position in range(20, len(whole), len(whole) // 15):  # from behind gzip's own header on
        whole[position] ^= 0x10
        (folder / "a.tar.gz").write_bytes(whole)
        assert_refused(folder / "a.tar.gz", "damaged")
        whole[position] ^= 0x10


def test_a_check_sees_the_whole_and_can_refuse_it(folder: Path) -> None:
    archive = make_archive(folder / "a.tar.gz")

    def check(unpacked: Path) -> None:
        assert contents(unpacked) == FILES
        raise CorpusError("the counts are wrong")

    with pytest.raises(CorpusError, match="the counts are wrong"):
        unpack(archive, folder / "out", check=check)
    assert names(folder) == ["a.tar.gz"]


def test_an_interrupt_leaves_nothing(folder: Path) -> None:
    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    archive = make_archive(folder / "a.tar.gz")
    with pytest.raises(KeyboardInterrupt):
        unpack(archive, folder / "out", check=interrupt)
    assert names(folder) == ["a.tar.gz"]


def test_what_is_there_already_is_not_touched(folder: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "mine").write_text("kept")
    with pytest.raises(CorpusError, match="is there already"):
        unpack(make_archive(folder / "a.tar.gz"), folder / "out")
    assert contents(folder / "out") == {"mine": b"kept"}


@pytest.mark.parametrize("name", ["missing.tar.gz", "."])
def test_a_missing_archive_is_named(folder: Path, name: str) -> None:
    with pytest.raises(CorpusError, match="no such archive file"):
        unpack(folder / name, folder / "out")


def test_a_folder_that_cannot_be_made_is_an_output_error(folder: Path) -> None:
    (folder / "file").write_text("in the way")
    with pytest.raises(OutputError, match="could not be unpacked"):
        unpack(make_archive(folder / "a.tar.gz"), folder / "file" / "out")
