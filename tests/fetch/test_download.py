"""Downloads against a real HTTP server on 127.0.0.1 that can be told to misbehave."""

import hashlib
import random
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from asr.errors import CorpusError, OutputError
from asr.fetch import download as module
from asr.fetch.download import download

CONTENT = random.Random(1).randbytes(3 * module.CHUNK_BYTES + 1234)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """`base` is its address; `requests` is what it was asked: (path, Range header). The paths are its behaviours."""

    base: str
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    break_after: int | None = None  # bytes after which /range hangs up, once

    def url(self, path: str) -> str:
        return self.base + path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers["Range"]
            state.requests.append((self.path, asked))
            if self.path in ("/range", "/other-range"):
                self.send_range(asked)
            elif self.path == "/no-range":
                self.send_whole(CONTENT)
            elif self.path == "/wrong":
                self.send_whole(b"something else")
            elif self.path == "/reset":
                self.send_response(200)
                self.send_header("Content-Length", "1000000")
                self.end_headers()
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()  # with no time to linger, a close is a reset
            elif self.path == "/page":
                self.send_whole(b"<html>We have moved.</html>", kind="text/html; charset=utf-8")
            else:
                self.send_error(404)

        def send_whole(self, content: bytes, kind: str = "application/gzip") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def send_range(self, asked: str | None) -> None:
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            if start >= len(CONTENT):
                self.send_error(416)
                return
            start -= 1 if self.path == "/other-range" else 0
            self.send_response(206 if asked else 200)
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
            self.send_header("Content-Length", str(len(CONTENT) - start))
            self.end_headers()
            end, state.break_after = state.break_after, None
            self.wfile.write(CONTENT[start:end])

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients that hang up are part of the tests
    state = Server(f"http://127.0.0.1:{http.server_port}")
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield state
    http.shutdown()
    http.server_close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def part_names(folder: Path) -> list[str]:
    return [name for name in names(folder) if name.endswith(".part")]


@pytest.mark.parametrize("behaviour", ["/range", "/no-range"])
def test_fetches_the_file_and_shows_progress_on_stderr(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], behaviour: str
) -> None:
    path = tmp_path / "new" / "corpus.tar.gz"
    assert download([server.url(behaviour)], path, sha256=SHA256) == path
    assert path.read_bytes() == CONTENT
    assert names(path.parent) == ["corpus.tar.gz"]
    out, err = capsys.readouterr()
    assert out == ""
    assert "corpus.tar.gz" in err


@pytest.mark.parametrize("sha256", [SHA256, None])
def test_a_right_file_is_not_fetched_again(server: Server, tmp_path: Path, sha256: str | None) -> None:
    path = tmp_path / "corpus"
    path.write_bytes(CONTENT)
    download([server.url("/range")], path, sha256=sha256)
    assert server.requests == []


def test_a_wrong_file_is_replaced_only_by_a_right_one(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "corpus"
    path.write_bytes(b"old")
    with pytest.raises(CorpusError):
        download([server.url("/wrong")], path, sha256=SHA256)
    assert path.read_bytes() == b"old"
    download([server.url("/range")], path, sha256=SHA256)
    assert path.read_bytes() == CONTENT


def test_a_broken_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.break_after = 100_000
    with pytest.raises(CorpusError, match=f"broke after 100000 of {len(CONTENT)} bytes"):
        download([server.url("/range")], tmp_path / "corpus", sha256=SHA256)
    [part] = part_names(tmp_path)
    assert (tmp_path / part).read_bytes() == CONTENT[:100_000]
    assert names(tmp_path) == [part]

    download([server.url("/range")], tmp_path / "corpus", sha256=SHA256)
    assert server.requests == [("/range", None), ("/range", "bytes=100000-")]
    assert (tmp_path / "corpus").read_bytes() == CONTENT
    assert names(tmp_path) == ["corpus"]


def test_a_reset_connection_is_the_fault_of_the_server(server: Server, tmp_path: Path) -> None:
    download([server.url("/reset"), server.url("/range")], tmp_path / "corpus", sha256=SHA256)
    assert [path for path, _ in server.requests] == ["/reset", "/range"]


def with_part(server: Server, folder: Path, behaviour: str, content: bytes) -> Path:
    """`folder`/corpus, with `content` as the part that an earlier download from `behaviour` left."""
    path = folder / "corpus"
    module._part(path, server.url(behaviour)).write_bytes(content)
    return path


def test_a_server_without_range_starts_again(server: Server, tmp_path: Path) -> None:
    path = with_part(server, tmp_path, "/no-range", CONTENT[:1000])
    download([server.url("/no-range")], path, sha256=SHA256)
    assert server.requests == [("/no-range", "bytes=1000-")]
    assert path.read_bytes() == CONTENT


def test_a_part_that_is_not_shorter_than_the_file_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    path = with_part(server, tmp_path, "/range", CONTENT + b"more")
    download([server.url("/range")], path, sha256=SHA256)
    assert [asked for _, asked in server.requests] == [f"bytes={len(CONTENT) + 4}-", None]
    assert path.read_bytes() == CONTENT


def test_another_range_than_asked_for_is_refused(server: Server, tmp_path: Path) -> None:
    path = with_part(server, tmp_path, "/other-range", CONTENT[:1000])
    with pytest.raises(CorpusError, match="another range"):
        download([server.url("/other-range")], path, sha256=None)
    assert not path.exists()


def test_a_mirror_does_not_continue_the_part_of_another(server: Server, tmp_path: Path) -> None:
    path = with_part(server, tmp_path, "/no-range", b"packed differently")
    download([server.url("/range"), server.url("/no-range")], path, sha256=None)
    assert path.read_bytes() == CONTENT
    assert names(tmp_path) == ["corpus"]


@pytest.mark.parametrize("first", ["/missing", "/wrong", "/page"])
def test_the_mirror_is_asked_when_the_home_fails(server: Server, tmp_path: Path, first: str) -> None:
    download([server.url(first), server.url("/range")], tmp_path / "corpus", sha256=SHA256)
    assert [path for path, _ in server.requests] == [first, "/range"]
    assert (tmp_path / "corpus").read_bytes() == CONTENT
    assert names(tmp_path) == ["corpus"]


def test_a_wrong_checksum_names_both_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as error:
        download([server.url("/wrong")], tmp_path / "corpus", sha256=SHA256)
    assert SHA256 in str(error.value)
    assert hashlib.sha256(b"something else").hexdigest() in str(error.value)
    assert names(tmp_path) == []


def test_a_web_page_is_refused_without_a_checksum_too(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="web page"):
        download([server.url("/page")], tmp_path / "corpus", sha256=None)
    assert names(tmp_path) == []


def test_when_all_fail_each_address_has_its_reason(server: Server, tmp_path: Path) -> None:
    urls = [server.url("/missing"), "http://127.0.0.1:1/corpus", "no address"]
    with pytest.raises(CorpusError) as error:
        download(urls, tmp_path / "corpus", sha256=SHA256)
    message = str(error.value)
    assert f"{urls[0]}: the server answers 404" in message
    assert f"{urls[1]}: " in message
    assert "refused" in message
    assert f"{urls[2]}: unknown url type" in message
    assert "--archive" in message
    assert "\n" not in message


def test_a_silent_server_counts_as_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(module, "TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/corpus"
        with pytest.raises(CorpusError, match="timed out"):
            download([url], tmp_path / "corpus", sha256=None)


def test_a_folder_that_cannot_be_written_is_no_fault_of_the_server(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="could not be written"):
        download([server.url("/range"), server.url("/no-range")], tmp_path / "file" / "corpus", sha256=SHA256)
    assert len(server.requests) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here to stand for a full disk")
@pytest.mark.parametrize("behaviour", ["/range", "/wrong"])  # more than a write buffer, and less
def test_a_full_disk_is_no_fault_of_the_server(server: Server, tmp_path: Path, behaviour: str) -> None:
    module._part(tmp_path / "corpus", server.url(behaviour)).symlink_to("/dev/full")
    with pytest.raises(OutputError, match="No space left on device"):
        download([server.url(behaviour), server.url("/no-range")], tmp_path / "corpus", sha256=SHA256)
    assert len(server.requests) == 1
