"""What the tests of recognisers and their folders share."""

from pathlib import Path

import pytest

from asr.recognizer import Recognizer
from tests.support.talkative import talkative


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return talkative()


@pytest.fixture
def folder(tmp_path: Path, recognizer: Recognizer) -> Path:
    recognizer.save(tmp_path / "model")
    return tmp_path / "model"
