"""Keys, foreign pages and foreign names: who is let in, who is not, and what is told."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from fastapi.routing import APIRoute

from asr.errors import AsrWarning, SettingsError
from asr.serving.access import Access, Keys, access_for, read_keys
from asr.serving.app import make_app
from asr.serving.service import Limits, Service
from tests.support.serving import PATH, SPOKEN, TEXT, serving
from tests.support.toy_engine import toy_recognizer

KEY = "sk-4f8a0c"
PAGE = "https://asr.example.com"
OPEN_PATHS = {"/health", "/ready", "/docs", "/openapi.json"}


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    made = Service(toy_recognizer(), Limits(), num_threads=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def guarded(service: Service) -> Iterator[str]:
    """With keys, for one web page beside its own."""
    access = access_for("127.0.0.1", keys=None, origins=[PAGE])
    with serving(service, Access(Keys([KEY, "other"]), access.origins, access.hosts)) as url:
        yield url


@pytest.fixture(scope="module")
def local(service: Service) -> Iterator[str]:
    """As `asr serve` is without options."""
    with serving(service, access_for("127.0.0.1", keys=None, origins=[])) as url:
        yield url


def post(url: str, **headers: str) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(f"{url}{PATH}", files={"file": ("a", SPOKEN)}, headers=names)


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_file_of_keys(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    keys = read_keys(written(tmp_path / "keys", f"# of the office\n\n  {KEY}\r\nsecond\n#third\n"))
    accepted = [key for key in (KEY, "second", "third", "#third", "", KEY[:-1], f"{KEY} ", "é") if keys.accept(key)]
    assert accepted == [KEY, "second"]
    assert not recwarn.list
    assert KEY not in f"{vars(keys)!r}{keys!r}"


@pytest.mark.parametrize("text", ["", "# none\n", "fine\ntwo words\n", "schlüssel\n", "a\x00b\n"])
def test_a_file_of_keys_that_is_none(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"keys(, line \d)?: ") as refused:
        read_keys(written(tmp_path / "keys", text))
    assert not any(word in str(refused.value) for word in ("two words", "schlüssel"))


def test_a_file_that_is_missing_and_one_that_all_may_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="No such file"):
        read_keys(tmp_path / "nothing")
    with pytest.warns(AsrWarning, match="others may read these keys; chmod 600"):
        read_keys(written(tmp_path / "keys", KEY, 0o644))


@pytest.mark.parametrize("origin", ["asr.example.com", "https://a/b", "", "ftp://a"])
def test_an_origin_that_is_none(origin: str) -> None:
    with pytest.raises(SettingsError, match="expected the start of an address"):
        access_for("0.0.0.0", keys=None, origins=[origin])


def test_only_the_open_paths_are_open(service: Service, guarded: str) -> None:
    """Asked by the route, so no path can be written in a way that needs none."""
    routes = [route for route in make_app({"toy": service}).routes if isinstance(route, APIRoute)]
    answers = {
        route.path: httpx.request(method, guarded + route.path.replace("{name}", "toy")).status_code
        for route in routes
        for method in route.methods
    }
    assert {path for path, status in answers.items() if status != 401} == OPEN_PATHS
    assert all(answers[path] == 200 for path in OPEN_PATHS)
    for path in ("//v1/models", "/v1/models/", "/v1/%6dodels", "/health/../v1/models", "/health%2f..%2fv1%2fmodels"):
        answer = httpx.get(guarded + path, follow_redirects=True)
        assert answer.status_code in (401, 404), path


def test_keys_by_the_official_client(guarded: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="asr")
    right = openai.OpenAI(base_url=f"{guarded}/v1", api_key=KEY, max_retries=0)
    assert right.audio.transcriptions.create(model="toy", file=("a", SPOKEN)).text == TEXT
    wrong = openai.OpenAI(base_url=f"{guarded}/v1", api_key="sk-wrong", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as refused:
        wrong.audio.transcriptions.create(model="toy", file=("a", SPOKEN))
    assert refused.value.code == "invalid_api_key"
    assert "sk-wrong" not in str(refused.value)
    assert KEY not in caplog.text
    assert "sk-wrong" not in caplog.text


@pytest.mark.parametrize("value", [KEY, f"Basic {KEY}", "Bearer", f"Bearer {KEY}x", f"Bearer x {KEY}"])
def test_headers_without_a_key(guarded: str, value: str) -> None:
    answer = httpx.get(f"{guarded}/v1/models", headers={"Authorization": value})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_foreign_page_is_refused_and_the_own_is_not(local: str) -> None:
    assert post(local).json()["text"] == TEXT
    assert post(local, Origin=local).json()["text"] == TEXT
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", ""):
        answer = post(local, Origin=origin)
        assert answer.status_code == 403
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert "access-control-allow-origin" not in answer.headers
    answer = httpx.options(f"{local}{PATH}", headers={"Origin": PAGE, "Access-Control-Request-Method": "POST"})
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 421),
        ("evil.example:8000", 421),
        ("127.0.0.1.evil.example", 421),
        ("x/v1/health?", 400),
        ("a b", 400),
        ("user@localhost", 400),
        ("LocalHost:99", 200),
        ("[::1]:99", 200),
    ],
)
def test_foreign_names(local: str, host: str, status: int) -> None:
    answer = httpx.get(f"{local}/v1/models", headers={"Host": host})
    assert answer.status_code == status
    assert isinstance(answer.json(), dict)


def test_all_names_are_its_own_where_others_reach_it(service: Service) -> None:
    with serving(service, access_for("0.0.0.0", keys=None, origins=[])) as url:
        assert httpx.get(f"{url}/v1/models", headers={"Host": "asr.example.com"}).status_code == 200


def test_a_page_that_is_allowed(guarded: str) -> None:
    asks = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    before = httpx.options(f"{guarded}{PATH}", headers=asks)
    assert before.status_code == 200
    assert before.headers["access-control-allow-origin"] == PAGE
    assert re.search("authorization", before.headers["access-control-allow-headers"], re.I)
    assert post(guarded, Origin=PAGE, Authorization=f"Bearer {KEY}").json()["text"] == TEXT
    refused = post(guarded, Origin=PAGE)
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == PAGE
    assert httpx.get(f"{guarded}/health", headers={"Host": "asr.example.com"}).status_code == 200
    assert "access-control-allow-origin" not in post(guarded, Origin="https://evil.example").headers
