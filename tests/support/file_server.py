"""A real HTTP server on 127.0.0.1 that gives the files of a dictionary, in ranges, and can be told to hang up once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """`base` is its address; `files` is what it has, by path; `requests` is what was asked: (path, Range header)."""

    base: str
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    break_after: int | None = None  # bytes after which it hangs up, once


@contextmanager
def file_server() -> Iterator[FileServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers["Range"]
            state.requests.append((self.path, asked))
            if self.path not in state.files:
                self.send_error(404)
                return
            content = state.files[self.path]
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            self.send_response(206 if asked else 200)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end, state.break_after = state.break_after, None
            self.wfile.write(content[start:end])

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = FileServer(f"http://127.0.0.1:{http.server_port}")
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield state
    finally:
        http.shutdown()
        http.server_close()


def assert_goes_on_after_a_break(
    server: FileServer, path: str, fetch: Callable[[], object], broken: AbstractContextManager[object]
) -> None:
    """`fetch` breaks in the middle of `path` as `broken` says (a context manager), and the next time goes on there."""
    middle = len(server.files[path]) // 2
    server.break_after = middle
    with broken:
        fetch()
    fetch()
    assert [asked for asked in server.requests if asked[0] == path] == [(path, None), (path, f"bytes={middle}-")]
