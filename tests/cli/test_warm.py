"""`asr.cli.warm` leaves nothing to compile to the first search or stream."""

import subprocess
import sys

# In a process of its own, where nothing is compiled or loaded from the cache yet.
SCRIPT = """
import gc

import numpy as np
from numba.core.dispatcher import Dispatcher

from asr.cli.warm import warm
from asr.search import Fusion, SearchSettings
from asr.search.decode import start_stream
from tests.support.fusion_oracle import CHARACTERS, HOTWORDS, bigram_model
from tests.support.log_probs import gaussian_log_probs


def ready():
    found = [each for each in gc.get_objects() if isinstance(each, Dispatcher)]
    return {(each.py_func.__qualname__, signature) for each in found for signature in each.signatures}


warm()
before = ready()
for fusion in (None, Fusion(CHARACTERS, bigram_model(), hotwords=HOTWORDS)):
    stream = start_stream(len(CHARACTERS), SearchSettings(method="beam", beam_width=3), fusion)
    for seed in range(5):
        stream.accept(gaussian_log_probs(200, len(CHARACTERS), seed))
        ahead = stream.copy()
        ahead.accept(gaussian_log_probs(1, len(CHARACTERS), seed))
        ahead.partial()
        stream.end_word(1)
        stream.commit(len(stream.partial().tokens) - 1, np.array([False, True, False, False]))
        stream.drop_others()
    stream.finish()
print(len(before), sorted(name for name, _ in ready() - before))
"""


def test_a_stream_finds_all_its_kernels_compiled() -> None:
    process = subprocess.run([sys.executable, "-c", SCRIPT], check=False, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr
    number, missing = process.stdout.split(maxsplit=1)
    assert int(number) >= 6
    assert missing.strip() == "[]"
