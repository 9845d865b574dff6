"""Writing whole files or nothing, through links, into devices, and with names of every kind."""

import errno
import os
import resource
from pathlib import Path

import pytest

from asr.errors import OutputError
from asr.files import append_text, atomic_path, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_into_a_new_folder(tmp_path):
    path = tmp_path / "a" / "b" / "c.txt"
    write_text(path, "grün\n")
    assert path.read_bytes() == "grün\n".encode()
    assert names(path.parent) == ["c.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError()])
def test_what_stood_there_stays_when_writing_fails(tmp_path, error):
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


def test_until_the_end_the_old_file_is_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
        assert temporary.suffix == ".txt"
    assert path.read_text() == "new"


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "link.txt").symlink_to("store/a.txt")
    write_text(tmp_path / "link.txt", "one")
    write_text(tmp_path / "link.txt", "two")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "store" / "a.txt").read_text() == "two"


def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "text")
    assert os.read(reader, 100) == b"text"
    os.close(reader)
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]


def test_a_full_disk():
    with pytest.raises(OutputError, match=r"^/dev/full: could not be written \(No space left on device\)$"):
        write_text(Path("/dev/full"), "text")
    assert Path("/dev/full").is_char_device()


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OutputError, match=r"a: could not be written \(there is a folder of this name\)$"):
        write_text(tmp_path / "a", "text")


@pytest.mark.parametrize("below", ["a.txt/b.txt", "a.txt/b/c/d.txt"])
def test_a_file_is_no_folder(tmp_path, below):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(OutputError, match="could not be written: one of the folders above it is a file"):
        write_text(tmp_path / below, "text")
    assert (tmp_path / "a.txt").read_text() == "old"


def test_names_as_long_as_can_be_and_longer(tmp_path):
    write_text(tmp_path / ("x" * 251 + ".txt"), "text")
    assert names(tmp_path) == ["x" * 251 + ".txt"]
    with pytest.raises(OutputError, match="File name too long"):
        write_text(tmp_path / ("y" * 256), "text")
    assert len(names(tmp_path)) == 1


def test_a_text_that_is_none(tmp_path):
    with pytest.raises(OutputError, match=r"the text holds U\+D83D, half of a surrogate pair"):
        write_text(tmp_path / "a.txt", "A\ud83d")
    assert names(tmp_path) == []


def test_what_can_not_be_appended_whole_is_not_appended_at_all(tmp_path: Path) -> None:
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
