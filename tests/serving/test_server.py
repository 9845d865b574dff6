"""The server as a process: it says where it is, answers, and ends well."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from asr.errors import ModelError
from asr.serving.server import run_server
from tests.support.command_line import ROOT


@contextmanager
def serving(*arguments: str | Path, prefix: Sequence[str] = ()) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [*prefix, sys.executable, "-m", "asr", "serve", *map(str, arguments), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        told = process.stderr.readline()
        while told and "/v1" not in told:  # warnings
            print(told)
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


def test_without_a_home_and_on_a_read_only_disk(model_folder: Path, wav: Path, tmp_path: Path) -> None:
    """As `docker run --user 12345:0 --read-only --tmpfs /tmp`: nothing can be written but temporary files."""
    if shutil.which("unshare") is None or subprocess.run(["unshare", "--mount", "true"], check=False).returncode:
        pytest.skip("mount namespaces are not allowed here")
    mounts = f"mount -o bind,remount,ro / && mount -t tmpfs none {tmp_path}"
    cleared = f"env -i PATH={os.environ['PATH']} TMPDIR={tmp_path} PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1"
    command = f'{mounts} && ! touch {ROOT}/x 2>/dev/null && exec unshare --user --map-user=12345 {cleared} "$@"'
    with serving(model_folder, prefix=["unshare", "--mount", "sh", "-ec", command, "sh"]) as (_, url):
        answer = httpx.post(f"{url}/v1/audio/transcriptions", files={"file": ("a", wav.read_bytes())}, timeout=60)
        assert answer.status_code == 200
        assert httpx.get(f"{url}/ready").status_code == 200
