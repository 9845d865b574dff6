"""The server as a process: it says where it is, answers, and ends well."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from asr.errors import ModelError
from asr.serving.server import run_server
from tests.support.command_line import ROOT


@contextmanager
def serving(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "asr", "serve", *map(str, arguments), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        told = process.stderr.readline()
        yield process, told.split(" at ")[1].split("/v1")[0]
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_what_is_under_way_is_answered_before_it_ends(model_folder: Path, wav: Path, ending: signal.Signals) -> None:
    with serving(model_folder) as (process, url):
        answers: list[httpx.Response] = []
        begun = threading.Event()

        def body() -> Iterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            begun.set()
            signalled.wait(10)
            yield wav.read_bytes() + b"\r\n--x--\r\n"

        signalled = threading.Event()
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        address = f"{url}/v1/audio/transcriptions"
        client = threading.Thread(
            target=lambda: answers.append(httpx.post(address, content=body(), headers=headers, timeout=30))
        )
        client.start()
        assert begun.wait(10)
        while not httpx.get(f"{url}/health").is_success:
            pass
        process.send_signal(ending)
        signalled.set()
        client.join()
        assert answers[0].status_code == 200
        assert process.wait(30) == 0


def test_a_port_that_is_taken_and_two_models_of_one_name(model_folder: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        run_server([str(model_folder)], host="127.0.0.1", port=taken.getsockname()[1])
    other = tmp_path / model_folder.name
    other.symlink_to(model_folder)
    with pytest.raises(ModelError, match="has the same name, tiny"):
        run_server([str(model_folder), str(other)], host="127.0.0.1", port=0)
