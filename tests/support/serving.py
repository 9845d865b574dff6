"""A server in this process, and what its clients send."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import soundfile
import uvicorn

from asr.serving.access import Access
from asr.serving.app import make_app
from asr.serving.connections import Connection
from asr.serving.service import Service
from tests.support.toy_engine import say, silence

RATE = 16_000
PATH = "/v1/audio/transcriptions"


def wav(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="WAV")
    return file.getvalue()


TEXT = "HELLO WORLD YES"
SPOKEN = wav(np.concatenate([silence(0.3), say("HELLO WORLD"), silence(2.0), say("YES"), silence(0.3)]))


@contextmanager
def serving(service: Service, access: Access | None = None) -> Iterator[str]:
    """A server of the model `toy` on a free port of this machine."""
    app = make_app({"toy": service}, access=access or Access())
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", http=Connection))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
