"""What all tests share. Shapes and types in signatures are checked while tests run; one thread does the work."""

import os
import shutil
import sys
import tempfile

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch and numpy are imported
os.environ["ASR_MODELS"] = os.devnull  # models that the user has installed are none of the tests' business

from pathlib import Path

import hypothesis
import jaxtyping
import numpy as np
import pytest
import soundfile
import torch

jaxtyping.install_import_hook("asr", "beartype.beartype")  # before any module of asr is imported

from tests.support import strict_markup  # noqa: E402 (it imports one)
from tests.support.command_line import Refusal, Result, RunAsr  # noqa: E402

strict_markup.check_all_that_is_written()

torch.set_num_threads(1)
hypothesis.settings.register_profile("asr", deadline=None)  # a busy machine is no error
hypothesis.settings.load_profile("asr")

SAMPLE_RATE = 16_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--without-ffmpeg", action="store_true", help="run as on a machine where ffmpeg is not installed")
    parser.addoption("--mutations", type=int, default=60, help="damaged sound files of each kind; by ffmpeg, a tenth")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--without-ffmpeg"):
        folder = tempfile.TemporaryDirectory()
        config.add_cleanup(folder.cleanup)
        os.environ["PATH"] = _without_ffmpeg(os.environ["PATH"], Path(folder.name))


def _without_ffmpeg(search_path: str, folder: Path) -> str:
    """The search path with, in place of each folder that has ffmpeg, one of links to all else in it."""
    folders = []
    for number, original in enumerate(Path(name) for name in search_path.split(os.pathsep) if name):
        if not (original / "ffmpeg").exists():
            folders.append(original)
            continue
        copy = folder / str(number)
        copy.mkdir()
        for program in original.iterdir():
            if program.name not in ("ffmpeg", "ffprobe"):
                (copy / program.name).symlink_to(program)
        folders.append(copy)
    return os.pathsep.join(map(str, folders))


@pytest.fixture
def ffmpeg() -> str:
    """The program, where it is installed."""
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("ffmpeg is not installed, or hidden by --without-ffmpeg")
    return program


@pytest.fixture
def no_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if ffmpeg were not installed."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


@pytest.fixture(params=[True, False], ids=["ffmpeg", "no ffmpeg"])
def either(request: pytest.FixtureRequest) -> bool:
    """Each test twice: with ffmpeg, where it is installed, and as if it were not; whether it is there."""
    request.getfixturevalue("ffmpeg" if request.param else "no_ffmpeg")
    return bool(request.param)


@pytest.fixture
def mutations(request: pytest.FixtureRequest) -> int:
    """How many damaged sound files of each kind are tried (`--mutations`)."""
    return int(request.config.getoption("--mutations"))


@pytest.fixture(scope="session")
def speechlike() -> np.ndarray:
    """Two seconds at 16 kHz, float32, peak 0.5: syllables of harmonics with a gliding pitch, and a little noise."""
    rng = np.random.default_rng(0)
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(120 + 40 * np.sin(2 * np.pi * 0.7 * time)) / SAMPLE_RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 25))
    signal = voice * np.clip(np.sin(2 * np.pi * 3 * time), 0, None) + 0.02 * rng.standard_normal(len(time))
    return (0.5 * signal / np.abs(signal).max()).astype(np.float32)


@pytest.fixture(scope="session")
def wav(tmp_path_factory: pytest.TempPathFactory, speechlike: np.ndarray) -> Path:
    """`speechlike` as a 16-bit wav file; not to be changed."""
    path = tmp_path_factory.mktemp("sound") / "speech.wav"
    soundfile.write(path, speechlike, SAMPLE_RATE)
    return path


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model without training, which writes letters at random; not to be changed."""
    from asr.model import AcousticModel
    from asr.model_folder import ModelParts
    from asr.model_settings import ModelSettings
    from asr.recognizer import Recognizer
    from asr.tokens import Tokens, TokenSettings
    from asr.torch_engine import TorchEngine

    tokens, _ = Tokens.train(["THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG"], TokenSettings())
    torch.manual_seed(0)
    settings = ModelSettings(conv_channels=2, num_layers=1, hidden_size=8)
    model = AcousticModel(settings, vocab_size=len(tokens), sample_rate=SAMPLE_RATE)
    folder = tmp_path_factory.mktemp("models") / "tiny"
    Recognizer(ModelParts(TorchEngine(model), tokens)).save(folder)
    return folder


@pytest.fixture
def models_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No model is installed; where those lie that a test fetches, beside the folder `package` of packaged ones."""
    from asr.pretrained import installed

    monkeypatch.setattr(installed, "_PACKAGE", tmp_path / "package")
    monkeypatch.setenv("ASR_MODELS", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder ../shared/data beside the repository, with real corpora, where a machine has it."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real corpora: the folder ../shared/data is not here")
    return folder


@pytest.fixture
def asr(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> RunAsr:
    """Runs `asr` in this process; what it leaves: `code`, `out`, `err`."""

    from asr.cli import main

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["asr", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            main()
        captured = capfd.readouterr()
        code = caught.value.code or 0
        assert isinstance(code, int)
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture
def refusal(asr: RunAsr) -> Refusal:
    """Runs `asr`, which has to exit with 2, print nothing, and say why in one line; returns the line."""

    def run(*arguments: object) -> str:
        result = asr(*arguments)
        assert (result.code, result.out) == (2, ""), result
        assert "Traceback" not in result.err
        assert result.err.startswith("asr: ")
        assert result.err.count("\n") == 1
        assert result.err.endswith("\n")
        return result.err[len("asr: ") : -1]

    return run
