"""A server as a process: models are loaded and warm before it listens, and it ends with what it has begun done."""

import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import uvicorn

from asr.audio import SAMPLE_RATE
from asr.errors import ModelError
from asr.pretrained.installed import default_model, find_model
from asr.recognizer import Recognizer
from asr.serving.access import Access
from asr.serving.app import make_app
from asr.serving.connections import Connection
from asr.serving.service import Limits, Service
from asr.threads import num_threads

_DRAIN_SECONDS = 30  # in which requests that are under way may end


def run_server(
    models: Sequence[str], *, host: str, port: int, limits: Limits | None = None, access: Access | None = None
) -> None:
    """Serve until a signal ends it: SIGTERM, or Ctrl-C. A second one does not wait for what is under way.

    Raises:
        ModelError: there is no such model, it cannot be read, or two have one name.
        OSError: the address cannot be listened at.
    """
    folders = _named([find_model(model) for model in models] or [default_model()])
    with ExitStack() as stack:
        listener = stack.enter_context(_listening(host, port))
        services = {}
        for name, folder in folders.items():
            services[name] = Service(_warm(Recognizer.load(folder)), limits or Limits(), num_threads=num_threads())
            stack.callback(services[name].close)
        where = f"http://{host}:{listener.getsockname()[1]}"
        print(f"asr: {', '.join(services)} at {where}/v1 (Ctrl-C ends it)", file=sys.stderr, flush=True)
        app = make_app(services, created=int(time.time()), access=access or Access())
        config = uvicorn.Config(
            app,
            http=Connection,
            log_level="warning",
            timeout_graceful_shutdown=_DRAIN_SECONDS,
            server_header=False,
        )
        _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """uvicorn's own raises the signal once more when all is done, which would look like a failure."""
        usual = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in usual.items():
                signal.signal(number, handler)


def _named(folders: Sequence[Path]) -> dict[str, Path]:
    """Models by the names of their folders; `runs/mine/model` is called mine."""
    named: dict[str, Path] = {}
    for folder in folders:
        place = folder.resolve()
        name = place.parent.name if place.name in ("model", "model_lm") else place.name
        if name in named:
            raise ModelError(f"{folder}: {named[name]} has the same name, {name}; rename one of the two folders")
        named[name] = folder
    return named


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        error.filename = f"{host}:{port}"  # named in the message
        raise
    with listener:
        _notice_lost_clients(listener)
        yield listener


def _notice_lost_clients(listener: socket.socket) -> None:
    """Connections inherit it: one whose client was cut off, without a word, is closed within 45 seconds."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in [("TCP_KEEPIDLE", 20), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4), ("TCP_USER_TIMEOUT", 45_000)]:
        if hasattr(socket, name):  # Linux has all of them
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _warm(recognizer: Recognizer) -> Recognizer:
    """So that the first client does not wait for compiled code and for what is built from the language model."""
    noise = np.random.default_rng(0).normal(0, 0.05, SAMPLE_RATE).astype(np.float32)
    recognizer.transcribe(noise)
    return recognizer
