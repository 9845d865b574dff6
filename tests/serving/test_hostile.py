"""Clients that are slow, half open, broken or mean: they get an error object or are closed; the next one is served."""

import json
import os
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from asr.serving import uploads
from asr.serving.connections import Connection
from asr.serving.service import Limits, Service
from tests.support.serving import PATH, SPOKEN, TEXT, serving, wait_for
from tests.support.toy_engine import toy_recognizer

FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
MOST = 3_000_000


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    made = Service(toy_recognizer(), Limits(most_bytes=MOST, most_seconds=60.0), num_threads=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def url(service: Service) -> Iterator[str]:
    with serving(service) as started:
        yield started


@pytest.fixture(autouse=True)
def _serves_the_next(url: str) -> Iterator[None]:
    yield
    assert httpx.post(f"{url}{PATH}", files={"file": ("a", SPOKEN)}).json()["text"] == TEXT


def connected(url: str) -> socket.socket:
    address = httpx.URL(url)
    connection = socket.create_connection((address.host, address.port or 80), timeout=10)
    return connection


def head(*lines: str, path: str = PATH, method: str = "POST") -> bytes:
    kind = "Content-Type: multipart/form-data; boundary=x"
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", kind, *lines, "", ""]).encode("latin-1")


def told(url: str, content: bytes) -> tuple[int, bytes]:
    """The status and the body of what a server says to some bytes; 0 if it closes without a word."""
    with connected(url) as connection:
        connection.sendall(content)
        received = b""
        while b"\r\n\r\n" not in received or len(received) < _length(received):
            if not (more := connection.recv(65536)):
                break
            received += more
    return (int(received.split()[1]), received.partition(b"\r\n\r\n")[2]) if received else (0, b"")


def _length(received: bytes) -> int:
    top, _, _ = received.partition(b"\r\n\r\n")
    sizes = [line.partition(b":")[2] for line in top.lower().split(b"\r\n") if line.startswith(b"content-length")]
    return len(top) + 4 + (int(sizes[0]) if sizes else 0)


def is_error(body: bytes) -> bool:
    error = json.loads(body)["error"]
    return isinstance(error["message"], str) and error.keys() == {"message", "type", "param", "code"}


def test_a_head_that_never_ends(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "head_seconds", 0.3)
    for beginning in (b"", b"GET / HT", b"GET /health HTTP/1.1\r\nHost: a\r\n\r\nGET /he"):
        with connected(url) as connection:
            started = time.monotonic()
            for byte in beginning:
                connection.sendall(bytes([byte]))
            while connection.recv(65536):
                pass
            assert time.monotonic() - started < 5


def test_an_upload_that_stops(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_STALLED", 0.2)
    status, body = told(url, head("Content-Length: 100000") + FORM + SPOKEN[:1000])
    assert (status, is_error(body)) == (408, True)


def test_an_upload_that_trickles(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_MOST_SECONDS", 0.5)
    with connected(url) as connection:
        connection.sendall(head("Content-Length: 100000") + FORM)
        started = time.monotonic()
        connection.settimeout(0.05)
        answer = b""
        while not answer and time.monotonic() < started + 10:
            connection.sendall(b"a")
            try:
                answer = connection.recv(65536)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50) + b"\r\n\r\n", 400),  # TLS
        (b"GET /health HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n", 400),
        (head("Content-Length: -1"), 400),
        (head("Content-Length: 5", "Content-Length: 6") + b"abcdef", 400),
        (head("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
        (head("Transfer-Encoding: chunked") + b"zz\r\n", 400),
        (head("Content-Length: 5") + b"--x\r\n", 400),
        (head("Content-Length: 0"), 400),
        (head(f"Content-Length: {10**30}"), 400),
        (head(f"Content-Length: {10**15}"), 413),
        (b"POST " + PATH.encode() + b" HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
         b"Content-Length: 2\r\n\r\n{}", 400),
        (head(method="DELETE"), 405),
        (head(path="/v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd", method="GET"), 404),
        (head(path="/../../etc/passwd", method="GET"), 404),
        (head(path="/v1/models/%00%ff%0d%0aX:1", method="GET"), 404),
    ],
)  # fmt: skip
def test_requests_that_are_none(url: str, content: bytes, status: int) -> None:
    found, body = told(url, content)
    assert found == status
    assert is_error(body)
    assert b"root:" not in body


def test_a_method_that_it_has_not(url: str) -> None:
    for method, path, allowed in [("TRACE", "/ready", "GET"), ("GET", PATH, "POST")]:
        answer = httpx.request(method, f"{url}{path}")
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_too_much_without_a_length(url: str) -> None:
    chunk = b"10000\r\n" + bytes(65536) + b"\r\n"
    status, body = told(url, head("Transfer-Encoding: chunked") + b"%x\r\n%s\r\n" % (len(FORM), FORM) + chunk * 60)
    assert (status, is_error(body)) == (413, True)


@pytest.mark.parametrize(
    "body",
    [
        FORM + SPOKEN + b"\r\n--x--\r\n" + b"-" * 1_000_000,
        b"".join(b'--x\r\nContent-Disposition: form-data; name="a%d"\r\n\r\n1\r\n' % n for n in range(2001)) + b"--x--",
        b"--x\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(100_000)) + b"\r\n\r\n--x--",
        b"--x\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n--x--",
        b"a" * 2_000_000 + FORM,
        b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n' + b"a" * 1_100_000 + b"\r\n--x--\r\n",
        FORM.replace(b"file", b"sound") + SPOKEN + b"\r\n--x--\r\n",
        (FORM + SPOKEN + b"\r\n") * 2 + b"--x--\r\n",
        FORM + b"PK\x03\x04" + bytes(100_000) + b"\r\n--x--\r\n",
        FORM + b"#EXTM3U\nhttp://127.0.0.1:1/a.mp3\n/etc/passwd\n\r\n--x--\r\n",
    ],
    ids=["dashes", "fields", "part heads", "one head", "preamble", "text", "name", "two files", "zip", "playlist"],
)
def test_forms_that_cost_little(url: str, body: bytes) -> None:
    started = time.process_time()
    status, answer = told(url, head(f"Content-Length: {len(body)}") + body)
    if body.endswith(b"-" * 99):  # what follows the last boundary is nobody's (RFC 2046)
        assert json.loads(answer)["text"] == TEXT
    else:
        assert (status, is_error(answer)) == (400, True)
    assert time.process_time() - started < 1  # client and server


def test_a_full_disk_is_said(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device", "/somewhere/secret")

    with monkeypatch.context() as patched:
        patched.setattr("asr.serving.uploads.shutil.copyfileobj", full)
        answer = httpx.post(f"{url}{PATH}", files={"file": ("a", SPOKEN)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (507, "disk_full")
    assert not any(part in answer.text for part in ("/tmp", "/somewhere", "secret"))


def test_when_full_the_answer_comes_before_the_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(toy_recognizer(), Limits(most_at_once=1, most_waiting=0), num_threads=1)
    with serving(service) as url:
        service.num_open = 1
        started = time.monotonic()
        status, body = told(url, head("Content-Length: 100000000", "Expect: 100-continue"))
        assert (status, is_error(body)) == (503, True)
        assert time.monotonic() - started < 1
        answer = httpx.post(f"{url}{PATH}", files={"file": ("a", SPOKEN)})
        assert 0 < int(answer.headers["retry-after"]) <= 120
        assert httpx.get(f"{url}/ready").status_code == 503
        assert httpx.get(f"{url}/health").status_code == 200
        service.num_open = 0
    service.close()


def test_slow_uploads_take_no_more_than_their_share() -> None:
    service = Service(toy_recognizer(), Limits(most_at_once=1, most_waiting=1), num_threads=1)
    with serving(service) as url:
        slow = [connected(url) for _ in range(2)]
        for connection in slow:
            connection.sendall(head("Content-Length: 100000") + FORM + SPOKEN[:1000])
        wait_for(lambda: told(url, head("Content-Length: 5") + b"--x\r\n")[0] == 503)
        for connection in slow:
            connection.close()
        wait_for(lambda: httpx.post(f"{url}{PATH}", files={"file": ("a", SPOKEN)}).is_success)
    service.close()


def test_requests_at_random(url: str, service: Service) -> None:
    """Parts of good and bad requests, cut, joined and changed at random: no answer is a failure of the server."""
    rng = random.Random(1)
    whole = FORM + SPOKEN[:2000] + b'\r\n--x\r\nContent-Disposition: form-data; name="stream"\r\n\r\ntrue\r\n--x--\r\n'
    for _ in range(150):
        body = bytearray(whole)
        for _ in range(rng.randrange(4)):
            start = rng.randrange(len(body))
            body[start : start + rng.randrange(60)] = rng.choice([b"", b"\r\n", b"--x", os.urandom(20), b'"', b"\0"])
        length = rng.choice([len(body)] * 6 + [0, len(body) // 2])
        request = bytearray(head(f"Content-Length: {length}") + body[:length])
        if rng.random() < 0.3:
            request[rng.randrange(120)] = rng.randrange(256)
        status, _ = told(url, bytes(request) if length else head("Content-Length: 0"))
        assert status in (200, 400, 404, 405, 413, 0), bytes(request[:200])
    wait_for(lambda: service.num_open == 0)


def test_half_open_clients_hold_nothing(url: str, service: Service) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(60):
        with connected(url) as connection:
            request = head(f"Content-Length: {len(SPOKEN)}") + FORM + SPOKEN
            connection.sendall(request[: number * len(request) // 60])
    wait_for(lambda: len(list(Path("/proc/self/fd").iterdir())) <= before + 2)
    assert service.num_open == 0
