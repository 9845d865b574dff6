"""The example of docs/streaming.md runs as it stands."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.support.talkative import sound, talkative

PAGE = Path(__file__).parents[2] / "docs/streaming.md"


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    recognizer, integers = talkative(), (2**15 * sound(32_000)).astype("<i2")
    recognizer.save(tmp_path / "model")
    (tmp_path / "talk.raw").write_bytes(integers.tobytes())
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), flags=re.DOTALL | re.MULTILINE)
    exec(compile(example, str(PAGE), "exec"), {})
    stream = recognizer.stream()
    stream.accept(np.asarray(integers), 16_000)
    *partials, last = capsys.readouterr().out.splitlines()
    assert len(partials) == 20  # pieces of 0.1 s
    assert last == stream.finish().text != ""
