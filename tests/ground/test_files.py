"""Writing whole files or nothing, through links, into devices, and with names of every kind."""

import errno
import gzip
import json
import lzma
import os
import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.errors import LanguageModelError, ManifestError, OutputError
from asr.files import (
    MAX_NESTING,
    append_text,
    atomic_path,
    open_unpacked,
    parse_json,
    read_bytes,
    read_lines,
    remove_leftovers,
    stream_lines,
    write_text,
)  # fmt: skip


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_into_a_new_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.txt"
    write_text(path, "grün\n")
    assert path.read_bytes() == "grün\n".encode()
    assert names(path.parent) == ["c.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError()])
def test_what_stood_there_stays_when_writing_fails(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    expected = OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(expected) as caught, atomic_path(path) as temporary:
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]
    if expected is OutputError:
        assert str(caught.value) == (
            f"{path}: could not be written (No space left on device); the file that was there before is untouched"
        )


def test_until_the_end_the_old_file_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.suffix == ".txt"
    assert path.read_text() == "new"


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "link.txt").symlink_to("store/a.txt")
    write_text(tmp_path / "link.txt", "one")
    write_text(tmp_path / "link.txt", "two")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "store" / "a.txt").read_text() == "two"


def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "text")
    assert os.read(reader, 100) == b"text"
    os.close(reader)
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]


def test_a_full_disk() -> None:
    with pytest.raises(OutputError, match=r"^/dev/full: could not be written \(No space left on device\)$"):
        write_text(Path("/dev/full"), "text")
    assert Path("/dev/full").is_char_device()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match=r"a: could not be written \(there is a folder of this name\)$"):
        write_text(tmp_path / "a", "text")


@pytest.mark.parametrize("below", ["a.txt/b.txt", "a.txt/b/c/d.txt"])
def test_a_file_is_no_folder(tmp_path: Path, below: str) -> None:
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(OutputError, match="could not be written: one of the folders above it is a file"):
        write_text(tmp_path / below, "text")
    assert (tmp_path / "a.txt").read_text() == "old"


def test_names_as_long_as_can_be_and_longer(tmp_path: Path) -> None:
    write_text(tmp_path / ("x" * 251 + ".txt"), "text")
    assert names(tmp_path) == ["x" * 251 + ".txt"]
    with pytest.raises(OutputError, match="File name too long"):
        write_text(tmp_path / ("y" * 256), "text")
    assert len(names(tmp_path)) == 1


def test_a_text_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"the text holds U\+D83D, half of a surrogate pair"):
        write_text(tmp_path / "a.txt", "A\ud83d")
    assert names(tmp_path) == []


def test_what_cannot_be_appended_whole_is_not_appended_at_all(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lines"
    append_text(path, "one\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))  # what a full disk does, to one file
    try:
        with pytest.raises(OutputError, match="lines: could not be written"):
            append_text(path, "two\n" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_text() == "one\n"
    append_text(path, "three\n")
    assert path.read_text() == "one\nthree\n"


# --- reading ----------------------------------------------------------------------------------------------------------


def test_what_a_killed_writer_leaves_is_removed_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "step-00000010.pt") as temporary:
        temporary.write_bytes(b"half")
        os.link(temporary, tmp_path / "kept")
        left = temporary.name
        raise KeyboardInterrupt
    (tmp_path / "kept").rename(tmp_path / left)  # as if the process had died
    others = {"step-00000009.pt", ".step-1.pt", ".other.abcdefgh.pt", ".step-00000010.pt.abcdefgh.pt.swp", ".git"}
    for name in others:
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path, "step-*.pt")
    assert set(names(tmp_path)) == others


def test_a_device_or_a_pipe_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"/dev/zero: is a device, which may have no end; expected a file"):
        read_bytes(Path("/dev/zero"), ManifestError)
    with pytest.raises(ManifestError, match="is a device"), open_unpacked(Path("/dev/zero"), ManifestError):
        pass
    reader, writer = os.pipe()
    os.write(writer, b"x" * 5000)
    os.close(writer)
    with pytest.raises(ManifestError, match="is larger than 0 MiB, the most that is read"):
        read_bytes(Path(f"/dev/fd/{reader}"), ManifestError, max_bytes=4096)
    (tmp_path / "large").write_bytes(b"x" * 5000)
    assert read_bytes(tmp_path / "large", ManifestError, max_bytes=5000) == b"x" * 5000
    with pytest.raises(ManifestError, match="is larger than"):
        read_bytes(tmp_path / "large", ManifestError, max_bytes=4999)
    with pytest.raises(ManifestError, match="cannot be read"):
        read_bytes(tmp_path / "a\0b", ManifestError)
    os.close(reader)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_json_may_be_nested_but_not_without_end(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    fine = opening * MAX_NESTING + "1" + closing * MAX_NESTING
    assert parse_json(fine) == json.loads(fine)
    assert parse_json(fine.encode()) == json.loads(fine)
    for depth in (MAX_NESTING + 1, 500, 100_000):
        for text in (opening * depth + "1" + closing * depth, (opening * depth + "1" + closing * depth).encode()):
            with pytest.raises(ValueError, match="nested deeper than 100 lists and objects"):
                parse_json(text)
    flat = json.dumps([{"text": "[{" * 200}] * 300)  # many brackets, but not one in the other
    assert parse_json(flat) == json.loads(flat)


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".xz", partial(lzma.compress, preset=0))])
def test_a_small_file_that_holds_far_too_much_is_refused_early(
    tmp_path: Path, suffix: str, compress: Callable[[bytes], bytes]
) -> None:
    bomb, mild = tmp_path / f"bomb{suffix}", tmp_path / f"mild{suffix}"
    bomb.write_bytes(compress(bytes(100 * 2**20)))
    mild.write_bytes(compress(bytes(50 * 2**20)))
    with open_unpacked(mild, LanguageModelError) as file:
        assert len(file.read()) == 50 * 2**20
    given = 0
    refused = pytest.raises(LanguageModelError, match=r"bomb.*: holds more than 250 times its size")
    with refused, open_unpacked(bomb, LanguageModelError) as file:
        while piece := file.read(2**20):
            given += len(piece)
    assert given <= 64 * 2**20


@given(
    st.lists(st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=3)), st.booleans()
)
def test_lines_one_by_one_are_the_lines_at_once(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], with_mark: bool
) -> None:
    path = tmp_path_factory.mktemp("lines") / "x"
    path.write_bytes(b"\xef\xbb\xbf" * with_mark + "\r\n".join(lines).encode())
    assert list(stream_lines(path, ManifestError)) == read_lines(path, ManifestError)
