"""Model folders with ONNX graphs: which engine is taken, what is refused, what is kept when a folder is written."""

import hashlib
import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.errors import DeviceError, ModelError, ModelWarning
from asr.model_saving import export_model_folder
from asr.onnx.export import GRAPHS, MATRICES, NETWORK, RECORD
from asr.onnx_engine import OnnxEngine
from asr.recognizer import Recognizer
from asr.torch_engine import TorchEngine
from tests.support.command_line import RunAsr
from tests.support.model_folders import contents, edit_config, fingerprint
from tests.support.talkative import sound, talkative


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "model"
    talkative().save(folder)
    export_model_folder(folder)
    return folder


@pytest.fixture
def exported(original: Path, tmp_path: Path) -> Path:
    """A folder with weights and graphs."""
    return Path(shutil.copytree(original, tmp_path / "model"))


@pytest.fixture
def no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "asr.torch_engine"):
        monkeypatch.setitem(sys.modules, name, None)


def test_the_exported_graphs_are_taken_if_they_are_there(exported: Path) -> None:
    assert isinstance(Recognizer.load(exported).engine, OnnxEngine)
    assert isinstance(Recognizer.load(exported, device="auto", engine="onnx").engine, OnnxEngine)
    by_torch = Recognizer.load(exported, engine="torch")
    assert isinstance(by_torch.engine, TorchEngine)
    difference = np.abs(fingerprint(Recognizer.load(exported)) - fingerprint(by_torch)).max()
    assert difference > 1e-4  # int8 weights
    export_model_folder(exported, int8=False)
    difference = np.abs(fingerprint(Recognizer.load(exported)) - fingerprint(by_torch)).max()
    assert difference < 1e-3  # of log-probabilities down to -600


def test_without_graphs_torch_is_taken_if_it_is_installed(exported: Path) -> None:
    for name in (*GRAPHS, RECORD):
        (exported / name).unlink()
    assert isinstance(Recognizer.load(exported).engine, TorchEngine)
    by_onnx = Recognizer.load(exported, engine="onnx")
    assert isinstance(by_onnx.engine, OnnxEngine)
    waveforms = [sound(40_000), sound(9_000, seed=1)]
    expected = [each.text for each in Recognizer.load(exported).transcribe(waveforms)]
    assert [each.text for each in by_onnx.transcribe(waveforms)] == expected
    assert len(expected[0]) > 20


def test_without_torch_and_graphs_they_are_made_of_the_weights(exported: Path, no_torch: None) -> None:
    for name in (*GRAPHS, RECORD):
        (exported / name).unlink()
    before = contents(exported)
    recognizer = Recognizer.load(exported, device="auto")
    assert isinstance(recognizer.engine, OnnxEngine)
    recognizer.save(exported)
    assert contents(exported)["model.safetensors"] == before["model.safetensors"]


def test_a_folder_needs_no_weights_beside_its_graphs(exported: Path, tmp_path: Path) -> None:
    (exported / "model.safetensors").unlink()
    recognizer = Recognizer.load(exported)
    recognizer.save(tmp_path / "kd我")
    again = Recognizer.load(tmp_path / "kd我")
    assert np.array_equal(fingerprint(again), fingerprint(recognizer))
    assert not (tmp_path / "kd我" / "model.safetensors").exists()
    with pytest.raises(ModelError, match=r"model\.safetensors: not there; this model folder holds ONNX graphs alone"):
        Recognizer.load(exported, engine="torch")
    with pytest.raises(ModelError, match="not there"):
        export_model_folder(exported)


def test_a_gpu_is_refused(exported: Path) -> None:
    (exported / "model.safetensors").unlink()
    with pytest.raises(DeviceError, match="'cuda': ONNX Runtime computes on the CPU here"):
        Recognizer.load(exported, device="cuda")


def test_stale_graphs_are_noticed(exported: Path) -> None:
    other = talkative(seed=1)
    other.save(exported)
    with pytest.warns(ModelWarning, match=r"onnx\.json: made from another state of this model; run `asr export"):
        recognizer = Recognizer.load(exported)
    assert np.array_equal(fingerprint(recognizer), fingerprint(other))
    with pytest.raises(ModelError, match="another state"):
        Recognizer.load(exported, engine="onnx")
    export_model_folder(exported)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(Recognizer.load(exported).engine, OnnxEngine)


def test_graphs_of_other_settings_are_stale(exported: Path) -> None:
    edit_config(exported, model__features__hop_ms=12.5)
    with pytest.raises(ModelError, match="another state"):
        Recognizer.load(exported, engine="onnx")


def test_graphs_of_a_model_without_a_digest_are_compared_with_its_weights(exported: Path) -> None:
    edit_config(exported, weights_sha256=None)
    assert isinstance(Recognizer.load(exported).engine, OnnxEngine)
    talkative(seed=1).save(exported)
    edit_config(exported, weights_sha256=None)
    with pytest.raises(ModelError, match="another state"):
        Recognizer.load(exported, engine="onnx")


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped"])
def test_a_damaged_graph_is_refused(exported: Path, name: str, damage: str) -> None:
    path = exported / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    changed = {"missing": None, "empty": b"", "cut": path.read_bytes()[:-7], "flipped": bytes(content)}[damage]
    path.unlink()
    if changed is not None:
        path.write_bytes(changed)
    with pytest.raises(ModelError) as caught:
        Recognizer.load(exported)
    assert str(path) in str(caught.value)
    assert "copy the whole model folder again" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_graph_that_is_none_is_refused_though_its_checksum_is_right(exported: Path) -> None:
    (exported / NETWORK).write_bytes(b"nonsense")
    record = json.loads((exported / RECORD).read_text())
    record["files"][NETWORK] = hashlib.sha256(b"nonsense").hexdigest()
    (exported / RECORD).write_text(json.dumps(record))
    with pytest.raises(ModelError, match="damaged"):
        Recognizer.load(exported)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format_version": 2}', b'{"format_version": 1}', b"\xff"])
def test_a_record_of_another_kind_is_refused(exported: Path, content: bytes) -> None:
    (exported / RECORD).write_bytes(content)
    with pytest.raises(ModelError, match=r"onnx\.json: "):
        Recognizer.load(exported)


def test_asr_export_says_what_it_wrote_and_transcribe_takes_an_engine(
    original: Path, tmp_path: Path, asr: RunAsr
) -> None:
    wav = tmp_path / "sound.wav"
    soundfile.write(wav, sound(40_000), 16_000)
    folder = tmp_path / "model"
    shutil.copytree(original, folder, ignore=shutil.ignore_patterns(*GRAPHS, RECORD))
    done = asr("export", folder)
    assert (done.code, done.err) == (0, "")
    assert all(str(folder / name) in done.out for name in (*GRAPHS, RECORD))
    small = (folder / MATRICES).stat().st_size
    assert asr("export", folder, "--float32").code == 0
    assert (folder / MATRICES).stat().st_size > 3.5 * small
    texts = {engine: asr("transcribe", folder, wav, "--engine", engine) for engine in ("auto", "torch", "onnx")}
    assert len({result.out for result in texts.values()}) == 1
    assert all(result.code == 0 and len(result.out) > 10 for result in texts.values())
    (folder / MATRICES).write_bytes(b"")
    refused = asr("transcribe", folder, wav)
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)
