"""What clients of such servers really send, and what they take for granted of each answer."""

import io
import json
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
import soundfile

from asr.serving import app as app_module
from asr.serving.answers import ResponseFormat, answer
from asr.serving.service import Limits, Service
from asr.transcript import Segment, Transcript, Word
from tests.support.serving import PATH, RATE, SPOKEN, TEXT, serving, wait_for, wav
from tests.support.toy_engine import say, silence, toy_recognizer


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    made = Service(toy_recognizer(), Limits(most_seconds=100.0), num_threads=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def url(service: Service) -> Iterator[str]:
    with serving(service) as started:
        yield started


def post(url: str, sound: bytes = SPOKEN, name: str = "a", fields: dict[str, object] | None = None) -> httpx.Response:
    return httpx.post(f"{url}{PATH}", data=fields or {}, files={"file": (name, sound)}, timeout=60)


@pytest.mark.parametrize("said", ["null", "42", '{"a": 1}', "</script>", "a\u2028b"])
@pytest.mark.parametrize("form", ["text", "srt", "vtt", "json"])
def test_a_text_that_looks_like_json_stays_a_text(said: str, form: ResponseFormat) -> None:
    transcript = Transcript((Segment((Word(said, 0.0, 1.0, 0.9),)),), 1.0, -1.0)
    body = answer(transcript, form, language="english", granularities=()).body
    found = json.loads(body)["text"] if form == "json" else body
    assert not body.startswith('"')
    assert said in found.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") or "\u2028" in said
    assert form != "text" or body == f"{said}\n"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"stream": "True"}, "text/event-stream"),
        ({"stream": "1"}, "text/event-stream"),
        ({"stream": "0"}, "application/json"),
        ({"stream": "false"}, "application/json"),
        ({"response_format": "text"}, "text/plain; charset=utf-8"),
        ({"response_format": "srt"}, "text/plain; charset=utf-8"),
        ({"response_format": "vtt"}, "text/plain; charset=utf-8"),
        ({"response_format": "verbose_json", "timestamp_granularities[]": ""}, "application/json"),
        ({"response_format": "verbose_json", "timestamp_granularities": "word"}, "application/json"),
        ({"language": "", "prompt": "", "include[]": "x", "chunking_strategy[type]": "auto"}, "application/json"),
        ({"temperature": "nonsense", "unknown": "x" * 90_000}, "application/json"),
        ({"keywords[]": ["HELLO", "WORLD"]}, "application/json"),
        *(({"model": name}, "application/json") for name in (*app_module.ALIASES, "")),
    ],
)
def test_what_is_answered(url: str, fields: dict[str, object], kind: str) -> None:
    found = post(url, fields=fields)
    assert found.status_code == 200, found.text
    assert found.headers["content-type"].partition("; charset=utf-8")[0] == kind.partition("; charset=utf-8")[0]
    assert "HELLO" in found.text


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": "diarized_json"}, "response_format"),
        ({"stream": "true", "response_format": "verbose_json"}, "stream"),
        ({"response_format": "verbose_json", "timestamp_granularities[]": "letter"}, "timestamp_granularities[]"),
        ({"keywords[]": "A" * 5000}, "keywords[]"),
    ],
)
def test_what_is_refused(url: str, fields: dict[str, object], param: str) -> None:
    found = post(url, fields=fields)
    assert (found.status_code, found.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("form", ["json", "text", "srt", "vtt", "verbose_json"])
def test_no_speech_after_speech(url: str, form: str) -> None:
    post(url)
    rng = np.random.default_rng(0)
    for samples in (silence(2.0), rng.normal(0, 1e-5, RATE).astype(np.float32)):
        found = post(url, wav(samples), fields={"response_format": form})
        assert found.status_code == 200
        expected = {"text": "\n", "srt": "", "vtt": "WEBVTT\n"}
        if form in expected:
            assert found.text.strip() == expected[form].strip()
        else:
            assert found.json()["text"] == ""
            assert found.json().get("segments", []) == []


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3"])
def test_the_content_decides_and_not_the_name(url: str, kind: str) -> None:
    samples, _ = soundfile.read(io.BytesIO(SPOKEN))
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format=kind)
    for name in ("a.wav", "upload", "blob.webm"):
        assert post(url, file.getvalue(), name).json()["text"] == TEXT


@pytest.mark.parametrize("is_first", [True, False])
def test_fields_before_and_after_the_file(url: str, is_first: bool) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename*=UTF-8\'\'%e2%82%ac; filename="a\r\n'
    sound = part.rstrip() + b'"\r\n\r\n' + SPOKEN + b"\r\n"
    field = b'--x\r\nContent-Disposition: form-data; name="response_format"\r\n\r\ntext\r\n'
    body = (field + sound if is_first else sound + field) + b"--x--\r\n"
    found = httpx.post(f"{url}{PATH}", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert found.text == f"{TEXT}\n"


def test_a_damaged_sound_is_refused_at_once(url: str) -> None:
    samples, _ = soundfile.read(io.BytesIO(SPOKEN))
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="FLAC")
    started = time.monotonic()
    found = post(url, file.getvalue()[: len(file.getvalue()) // 2])
    assert (found.status_code, found.json()["error"]["param"]) == (400, "file")
    assert time.monotonic() - started < 5


def test_what_is_beyond_the_longest_is_not_even_decoded(url: str) -> None:
    """Its end is missing, which nobody finds out. So hours of silence in a small file cost no more than is allowed."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).normal(0, 0.1, 200 * 8000).astype(np.float32)
    soundfile.write(file, noise, 8000, format="FLAC")
    found = post(url, file.getvalue()[:-100_000])
    assert found.status_code == 400
    assert "longer than" in found.json()["error"]["message"]


def test_a_long_sound_is_told_in_parts_whose_sum_is_the_whole(url: str) -> None:
    sound = wav(np.concatenate([say("HELLO"), silence(25.0), say("WORLD"), silence(30.0), say("YES"), silence(1.0)]))
    with httpx.stream("POST", f"{url}{PATH}", data={"stream": "true"}, files={"file": ("a", sound)}) as answered:
        headers, lines = answered.headers, [line for line in answered.iter_lines() if line.startswith("data: ")]
    *deltas, done = [json.loads(line[6:]) for line in lines]
    assert [event["type"] for event in deltas] == ["transcript.text.delta"] * 3
    assert done == {"type": "transcript.text.done", "text": "".join(event["delta"] for event in deltas)}
    assert headers["cache-control"] == "no-cache"
    assert headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in headers


class Slow:
    """A network that waits until it is let go, or fails."""

    def __init__(self) -> None:
        self.go, self.fails = threading.Event(), False
        self.recognizer = toy_recognizer()

    def __call__(self, waveforms: Sequence[np.ndarray]) -> list[np.ndarray]:
        assert self.go.wait(20)
        if self.fails:
            raise ZeroDivisionError("/home/secret")
        return list(self.recognizer.engine.log_probs(list(waveforms)))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Slow, Service]]:
    network = Slow()
    monkeypatch.setattr(network.recognizer, "log_probs", network)
    made = Service(network.recognizer, Limits(), num_threads=1)
    with serving(made) as url:
        yield url, network, made
        network.go.set()
    made.close()


def test_comments_keep_a_stream_alive_that_waits(
    slow: tuple[str, Slow, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, network, _ = slow
    monkeypatch.setattr(app_module, "_PATIENCE", 0.1)
    with httpx.stream("POST", f"{url}{PATH}", data={"stream": "true"}, files={"file": ("a", SPOKEN)}) as answered:
        lines = answered.iter_lines()
        assert [next(lines) for _ in range(4)] == [": still at work", ""] * 2
        network.go.set()
        assert TEXT in "".join(lines)


def test_a_failure_in_a_stream_raises_in_the_client(slow: tuple[str, Slow, Service]) -> None:
    url, network, _ = slow
    network.fails = True
    network.go.set()
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
    with pytest.raises(openai.APIError, match="its log says why") as failed:
        list(client.audio.transcriptions.create(model="toy", file=("a", SPOKEN), stream=True))
    assert "secret" not in str(failed.value)


def test_many_slow_requests_hold_up_no_other(slow: tuple[str, Slow, Service]) -> None:
    """More than the 40 threads that Starlette has for what blocks."""
    url, network, service = slow
    clients = [threading.Thread(target=post, args=(url,)) for _ in range(42)]
    for client in clients:
        client.start()
    wait_for(lambda: service.num_open == 42)
    started = time.monotonic()
    assert httpx.get(f"{url}/health").is_success
    assert "asr_requests_waiting" in httpx.get(f"{url}/metrics").text
    assert time.monotonic() - started < 5  # of the 20 that the network waits
    network.go.set()
    for client in clients:
        client.join()
    wait_for(lambda: service.num_open == 0)
    assert list(Path(tempfile.gettempdir()).glob("asr-upload-*")) == []


def test_hot_words_of_a_request_share_what_the_model_has() -> None:
    recognizer = toy_recognizer().with_hotwords({"HELLO": 1.0})
    other = recognizer.with_hotwords({"WORLD": 1.0})
    assert other.fusion is not recognizer.fusion
    assert other.fusion._model is recognizer.fusion._model
