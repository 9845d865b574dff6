"""The server as its clients see it: over a real socket, by the official client where it has a say."""

import io
import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
import soundfile
from openai.types.audio import TranscriptionVerbose

from asr.serving.service import Limits, Service
from tests.support.serving import RATE, SPOKEN, TEXT, serving, wait_for, wav
from tests.support.toy_engine import say, silence, toy_recognizer


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    made = Service(toy_recognizer(), Limits(most_bytes=5_000_000, most_seconds=60.0), num_threads=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def url(service: Service) -> Iterator[str]:
    with serving(service) as started:
        yield started


@pytest.fixture
def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


def test_json_text_and_subtitles(client: openai.OpenAI) -> None:
    transcribe = client.audio.transcriptions.create
    found = transcribe(model="toy", file=("a.wav", SPOKEN))
    assert found.text == TEXT
    assert found.usage.type == "duration"
    assert transcribe(model="whisper-1", file=("a.wav", SPOKEN), response_format="text") == TEXT + "\n"
    srt = transcribe(model="toy", file=("a.wav", SPOKEN), response_format="srt")
    assert srt.startswith("1\n00:00:0")
    assert " --> " in srt
    assert transcribe(model="toy", file=("a.wav", SPOKEN), response_format="vtt").startswith("WEBVTT\n\n")


@pytest.mark.parametrize("granularities", [[], ["segment"], ["word"], ["word", "segment"]])
def test_verbose_json_is_strictly_as_declared(client: openai.OpenAI, url: str, granularities: list[str]) -> None:
    data = {"model": "toy", "response_format": "verbose_json", "timestamp_granularities[]": granularities}
    answer = httpx.post(f"{url}/v1/audio/transcriptions", data=data, files={"file": ("a.wav", SPOKEN)})
    found = TranscriptionVerbose.model_validate_json(answer.content, strict=True)
    assert found.text == TEXT
    assert found.duration == pytest.approx(len(SPOKEN) / 2 / RATE, abs=0.01)
    assert (found.words is None) == ("word" not in granularities)
    assert (found.segments is None) == (granularities == ["word"])
    if found.segments:
        assert [segment.text for segment in found.segments] == ["HELLO WORLD", "YES"]
        assert all(segment.avg_logprob <= 0 for segment in found.segments)
    if found.words:
        assert [word.word for word in found.words] == TEXT.split()


def test_a_stream_of_events(client: openai.OpenAI) -> None:
    events = list(client.audio.transcriptions.create(model="toy", file=("a.wav", SPOKEN), stream=True))
    *deltas, last = events
    assert {event.type for event in deltas} == {"transcript.text.delta"}
    assert last.type == "transcript.text.done"
    assert last.text == TEXT == "".join(event.delta for event in deltas)
    assert len(deltas) == 2


def test_silence_is_an_empty_text(client: openai.OpenAI) -> None:
    transcribe, nothing = client.audio.transcriptions.create, ("a.wav", wav(silence(3.0)))
    assert transcribe(model="toy", file=nothing).text == ""
    assert transcribe(model="toy", file=nothing, response_format="vtt").strip() == "WEBVTT"
    events = list(transcribe(model="toy", file=nothing, stream=True))
    assert [event.type for event in events] == ["transcript.text.done"]


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"response_format": "xml"}, 400, "response_format"),
        ({"response_format": "SRT"}, 400, "response_format"),
        ({"stream": "maybe"}, 400, "stream"),
        ({"stream": "true", "response_format": "srt"}, 400, "stream"),
        ({"timestamp_granularities[]": "word"}, 400, "timestamp_granularities[]"),
        ({"model": "nonsense"}, 404, "model"),
        ({"keywords[]": ["A"] * 1001}, 400, "keywords[]"),
        ({"keywords[]": "ÄÖ"}, 400, "keywords[]"),
        ({"response_format": "", "stream": "", "model": ""}, 200, None),
    ],
)
def test_fields(url: str, fields: dict[str, object], status: int, param: str | None) -> None:
    answer = httpx.post(f"{url}/v1/audio/transcriptions", data=fields, files={"file": ("a.wav", SPOKEN)})
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.json()["error"]["param"] == param


@pytest.mark.parametrize("content", [b"<html><body>not found</body></html>", b"", SPOKEN[:44], bytes(range(256)) * 9])
def test_what_is_no_sound_is_refused_without_a_path(url: str, content: bytes) -> None:
    answer = httpx.post(f"{url}/v1/audio/transcriptions", files={"file": ("a.mp3", content)})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["param"] == "file"
    assert "/tmp" not in error["message"]


def test_requests_that_are_none(url: str, client: openai.OpenAI) -> None:
    for answer, status in [
        (httpx.post(f"{url}/v1/audio/transcriptions", data={"model": "toy"}), 400),
        (httpx.get(f"{url}/v1/audio/transcriptions"), 405),
        (httpx.get(f"{url}/v1/nothing"), 404),
        (httpx.post(f"{url}/v1/audio/transcriptions", files={"file": ("a.wav", bytes(6_000_000))}), 413),
    ]:
        assert answer.status_code == status
        assert isinstance(answer.json()["error"]["message"], str)
    with pytest.raises(openai.NotFoundError, match="there are: toy"):
        client.audio.transcriptions.create(model="nonsense", file=("a.wav", SPOKEN))


def test_a_sound_that_unpacks_to_hours_is_refused(url: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.zeros(300 * RATE, np.float32), RATE, format="FLAC")
    answer = httpx.post(f"{url}/v1/audio/transcriptions", files={"file": ("a.flac", file.getvalue())})
    assert answer.status_code == 400
    assert "longer than 1 minutes" in answer.json()["error"]["message"]


def test_models_and_health(client: openai.OpenAI, url: str) -> None:
    assert [model.id for model in client.models.list()] == ["toy"]
    assert client.models.retrieve("toy").object == "model"
    assert httpx.get(f"{url}/health").json() == {"status": "ok"}
    assert httpx.get(f"{url}/ready").status_code == 200


def test_odd_names_and_types_decide_nothing(url: str) -> None:
    for name, kind in [("Gespräch №1.m4a", "video/webm"), ('a"b.mp3', "text/html"), ("../../x", ""), ("x" * 4000, "")]:
        files = {"file": (name, SPOKEN, kind or None)}
        answer = httpx.post(f"{url}/v1/audio/transcriptions", files=files)
        assert answer.json()["text"] == TEXT


def test_many_at_once_and_no_file_is_left(url: str, service: Service, tmp_path: Path) -> None:
    answers: list[str] = []

    def ask() -> None:
        answers.append(httpx.post(f"{url}/v1/audio/transcriptions", files={"file": ("a", SPOKEN)}, timeout=60).text)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [json.loads(answer)["text"] for answer in answers] == [TEXT] * 20
    assert service.num_open == 0
    assert list(Path(tempfile.gettempdir()).glob("asr-upload-*")) == []


def test_a_client_that_has_gone_is_served_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 40 windows, each of which takes a tenth of a second."""
    recognizer = toy_recognizer()
    heard: list[int] = []

    def slow(waveforms: list[np.ndarray]) -> list[np.ndarray]:
        time.sleep(0.1 * len(waveforms))
        heard.append(len(waveforms))
        return recognizer.engine.log_probs(waveforms)

    monkeypatch.setattr(recognizer, "log_probs", slow)
    service = Service(recognizer, Limits(), num_threads=1)
    sound = wav(np.concatenate([say("HELLO WORLD"), silence(2.0)] * 40))
    with serving(service) as url:
        for fields in ({}, {"stream": "true"}):
            heard.clear()
            request = httpx.Request("POST", url, data=fields, files={"file": ("a", sound)})
            head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
            with socket.create_connection((request.url.host, request.url.port)) as connection:
                connection.sendall(f"POST /v1/audio/transcriptions HTTP/1.1\r\n{head}\r\n".encode() + request.read())
                wait_for(lambda: bool(heard))
            wait_for(lambda: service.num_open == 0)
            assert sum(heard) < 35
    service.close()
    assert list(Path(tempfile.gettempdir()).glob("asr-upload-*")) == []
