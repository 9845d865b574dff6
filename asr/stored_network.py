"""The network of a model folder on disk, and which engine computes it.

It is there as weights (`model.safetensors`), as the ONNX graphs that `asr export` made of them, or as both. The weights
are run by torch, or, where there is none, by ONNX Runtime with graphs that are made as they are read.
"""

import hashlib
import importlib.util
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import safetensors
import safetensors.numpy

from asr.engine import WEIGHTS, Engine
from asr.errors import DeviceError, ModelError, ModelWarning, system_reason
from asr.extras import needs_extra
from asr.files import MAX_SIDE_BYTES, read_bytes
from asr.int8_weights import expanded
from asr.model_settings import ModelSettings
from asr.onnx.export import GRAPHS, RECORD, make_graphs, make_record, read_record
from asr.onnx.weights import Array
from asr.recurrent.names import in_current_names

EngineName: TypeAlias = Literal["auto", "torch", "onnx"]
_GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # of NVIDIA's and AMD's drivers on Linux, and in WSL


class _StaleError(Exception):
    """The graphs were made from other weights."""


@dataclass(frozen=True, slots=True)
class StoredNetwork:
    """Where a network is, and what it is. `place` gives the path of a file of the model folder by its name;
    `weights_sha256` is of the weights, and None for models of older versions.
    """

    place: Callable[[str], Path]
    settings: ModelSettings
    vocab_size: int
    sample_rate: int
    weights_sha256: str | None

    @property
    def has_weights(self) -> bool:
        """Whether there are weights."""
        return self.place(WEIGHTS).is_file()

    @property
    def is_exported(self) -> bool:
        """Whether there are ONNX graphs."""
        return self.place(RECORD).is_file()

    def load(self, engine: EngineName, device: Any) -> Engine:
        """The network, ready to compute. "auto" is torch where the device is a GPU; else the exported graphs, if there
        are any, as they are quicker on a CPU (`benchmarks/engines.py`); else torch, if it is installed.

        Raises:
            DeviceError: there is no such device.
            ExtraError: torch is asked for, but not installed.
            ModelError: a file is missing or damaged, of another version, or the parts do not fit.
        """
        if engine == "torch" or (engine == "auto" and self.has_weights and _wants_gpu(device)):
            return self._by_torch(device)
        if self.is_exported:
            try:
                return self._by_exported_graphs(device)
            except _StaleError as error:
                if engine == "onnx" or not self.has_weights:
                    raise ModelError(str(error)) from None
                warnings.warn(f"{error}; until then the weights are used", ModelWarning, stacklevel=2)
        if engine == "auto" and _has_torch():
            return self._by_torch(device)
        return self._by_new_graphs(device)

    def export(self, *, int8: bool) -> dict[str, bytes]:
        """The files of its ONNX form, tried out.

        Raises:
            ModelError: there are no weights, or they are damaged.
        """
        content = self._read_weights()
        graphs = self._make_graphs(content, int8=int8)
        record = make_record(graphs, self.settings, weights_sha256=hashlib.sha256(content).hexdigest())
        return self._run(graphs, {**graphs, RECORD: record}, self.place(WEIGHTS)).files()

    def _by_torch(self, device: Any) -> Engine:
        with needs_extra(f"{self.place(WEIGHTS)}: to run it by torch"):
            from asr.torch_engine import TorchEngine, usable_device
        device = usable_device(device)
        content = self._read_weights()
        with self._refused(self.place(WEIGHTS)):
            engine = TorchEngine.from_bytes(
                content, self.settings, vocab_size=self.vocab_size, sample_rate=self.sample_rate
            )
            self._check_digest(content)
        return engine.to(device)

    def _by_new_graphs(self, device: Any) -> Engine:
        """ONNX Runtime, with graphs made of the weights, as exact as torch."""
        _refuse_gpu(device)
        content = self._read_weights()
        return self._run(self._make_graphs(content, int8=False), {WEIGHTS: content}, self.place(WEIGHTS))

    def _by_exported_graphs(self, device: Any) -> Engine:
        _refuse_gpu(device)
        path = self.place(RECORD)
        record_content = bytes(read_bytes(path, ModelError, max_bytes=MAX_SIDE_BYTES))
        with self._refused(path):
            record = read_record(record_content)
        if record.weights_sha256 != self._current_digest() or record.model != self.settings:
            raise _StaleError(f"{path}: made from another state of this model; run `asr export {path.parent}` again")
        graphs = {name: self._read_graph(name, record.files) for name in GRAPHS}
        return self._run(graphs, {**graphs, RECORD: record_content}, path)

    def _read_graph(self, name: str, digests: Mapping[str, str]) -> bytes:
        content = self._read(name)
        with self._refused(self.place(name)):
            if hashlib.sha256(content).hexdigest() != digests.get(name):
                raise ValueError("its checksum is wrong")
        return content

    def _run(self, graphs: Mapping[str, bytes], files: Mapping[str, bytes], path: Path) -> Engine:
        from asr.onnx_engine import OnnxEngine

        with self._refused(path):
            return OnnxEngine(
                graphs, self.settings, vocab_size=self.vocab_size, sample_rate=self.sample_rate, files=files
            )

    def _make_graphs(self, content: bytes, *, int8: bool) -> dict[str, bytes]:
        with self._refused(self.place(WEIGHTS)):
            graphs = make_graphs(self.settings, _arrays(content), sample_rate=self.sample_rate, int8=int8)
            self._check_digest(content)
        return graphs

    def _read_weights(self) -> bytes:
        if not self.has_weights:
            place = self.place(WEIGHTS)
            raise ModelError(f"{place}: not there; this model folder holds ONNX graphs alone (engine: onnx)")
        return self._read(WEIGHTS)

    def _read(self, name: str) -> bytes:
        path = self.place(name)
        try:
            return path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"{path}: cannot be read ({system_reason(error)}); copy the whole model folder again"
            ) from None

    def _current_digest(self) -> str | None:
        if self.weights_sha256 is None and self.has_weights:
            return hashlib.sha256(self._read_weights()).hexdigest()
        return self.weights_sha256

    def _check_digest(self, content: bytes) -> None:
        """After all other checks, as their errors say more."""
        if self.weights_sha256 is not None and hashlib.sha256(content).hexdigest() != self.weights_sha256:
            raise ValueError("its checksum is wrong")

    @contextmanager
    def _refused(self, path: Path) -> Iterator[None]:
        """What is wrong with a file, as an error that names it."""
        try:
            yield
        except ValueError as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(
                f"{path}: damaged, or not of this config.json; copy the whole model folder again ({reason})"
            ) from None


def _arrays(content: bytes) -> dict[str, Array]:
    """Weights by today's names, checked as `asr.recurrent.weights` does.

    Raises:
        ValueError: not readable, of another type, or not finite.
    """
    try:
        arrays = in_current_names(expanded(safetensors.numpy.load(content)))
    except (safetensors.SafetensorError, KeyError) as error:  # KeyError: a type that NumPy does not have
        raise ValueError(str(error)) from None
    for name, array in arrays.items():
        if array.dtype != np.float32:
            raise ValueError(f"{name} is of type {array.dtype}, expected float32")
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds numbers that are not finite")
    return arrays


def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def _wants_gpu(device: Any) -> bool:
    """Without a look at torch, whose import takes seconds, where there is no trace of a GPU."""
    if str(device) != "auto":
        return str(device) != "cpu"
    if not (_has_torch() and any(Path(name).exists() for name in _GPU_DEVICES)):
        return False
    from asr.torch_engine import default_device

    return default_device().type != "cpu"


def _refuse_gpu(device: Any) -> None:
    if str(device) not in ("cpu", "auto"):
        raise DeviceError(f"device {str(device)!r}: ONNX Runtime computes on the CPU here; take that, or engine torch")
