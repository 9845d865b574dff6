"""Memory over many lengths: no block is kept for each shape that ever came."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
import numpy as np
from asr.recognizer import Recognizer

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6

engine = Recognizer.load(sys.argv[1], engine="onnx").engine
rng = np.random.default_rng(0)
longest = (0.1 * rng.normal(size=16_000 * 20)).astype(np.float32)
engine.log_probs([longest])
before = resident()
for length in rng.integers(1, len(longest) // 5, 150):
    engine.log_probs([longest[:length]])
print(before, resident())
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the memory of a process from /proc")
def test_memory_is_that_of_the_longest_alone(model_folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, model_folder], capture_output=True, text=True, check=True)
    before, after = map(float, done.stdout.split())
    assert after < 1.05 * before
