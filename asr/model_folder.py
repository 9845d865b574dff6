"""A recogniser on disk: a folder.

`model.safetensors` (weights), `config.json` (settings), `tokens.model`, `README.md` (model card); after `asr export`
also the files of `asr/onnx/export.py`, and then it works without the weights too; after `asr tune` also `lm.bin`
(n-gram language model), `lexicon.txt` (words that it need not know) and `rnn_lm.safetensors` (the language model that
rescores), each if it was given one; and `tagger.safetensors` (capitals and marks), if it has one.

While it is written (`asr/model_saving.py`), whole new files may lie in a subfolder; they count, not the old ones.
"""

import hashlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from asr.alignment.confidence import Calibration
from asr.engine import WEIGHTS, Engine
from asr.errors import LanguageModelError, ModelError, SettingsError, TokensError, system_reason
from asr.extras import needs_extra
from asr.files import MAX_SIDE_BYTES, parse_json, read_bytes, read_lines
from asr.lm.ngram import NGramModel
from asr.model_settings import ModelSettings, settings_of_format_1
from asr.onnx.export import RECORD
from asr.search import SearchSettings
from asr.settings import Settings
from asr.stored_network import EngineName, StoredNetwork
from asr.text.tagger import Tagger
from asr.text.tagger_file import tagger_from_file
from asr.tokens import Tokens

if TYPE_CHECKING:  # with torch
    from asr.lm.neural.model import NeuralLM

FORMAT_VERSION = 3  # 1: the mean of the features was over the whole utterance; 1 and 2: other names of weights
FILES = ("config.json", WEIGHTS, "tokens.model")
CARD = "README.md"
LANGUAGE_MODEL, LEXICON, NEURAL_LM = "lm.bin", "lexicon.txt", "rnn_lm.safetensors"
TAGGER = "tagger.safetensors"
COMPLETE = ".complete"  # a subfolder of whole new files, if their writing was interrupted before they were moved


@dataclass(frozen=True, slots=True, eq=False)
class ModelParts:
    """The parts of a recogniser: all of a model folder except the model card.

    `lexicon`: words to allow beside those of the language model. `neural_lm`: rescores the best hypotheses.
    `calibration`: of the confidence of words. `tagger`: puts capitals and marks.
    """

    engine: Engine
    tokens: Tokens
    search: SearchSettings = field(default_factory=SearchSettings)
    language_model: NGramModel | None = None
    lexicon: tuple[str, ...] = ()
    neural_lm: "NeuralLM | None" = None
    calibration: Calibration = field(default_factory=Calibration)
    tagger: Tagger | None = None


class _Config(Settings):
    """`config.json`: all that is needed, beside weights and tokens, to build the recogniser again."""

    format_version: int
    """Of the model folder."""
    sample_rate: Literal[16_000]
    """Of the model's input, in Hz."""
    tokens_sha256: str
    """Of `tokens.model`."""
    weights_sha256: str | None = None
    """Of `model.safetensors`; models of older versions have none."""
    model: ModelSettings
    """Size of the network."""
    search: SearchSettings
    """How text is searched for."""
    calibration: Calibration = Calibration()
    """Of the confidence of words."""
    language_model: bool = False
    """Whether there is an n-gram language model."""
    lexicon: bool = False
    """Whether there is a list of words."""
    neural_lm: bool = False
    """Whether there is a language model that rescores."""
    tagger: bool = False
    """Whether there is a tagger of capitals and marks."""


def read_model_folder(folder: Path, *, device: Any = "cpu", engine: EngineName = "auto") -> ModelParts:
    """Read a model folder; `device` is where it will compute: a torch.device or its name, or "auto"; `engine` is what
    computes (`asr.stored_network.StoredNetwork.load`).

    Raises:
        DeviceError: there is no such device.
        ExtraError: torch is needed, but not installed.
        ModelError: a file is missing or broken, the format is of another version, or the parts do not fit.
    """
    network, tokens, config = read_network(folder)
    try:
        language_model = NGramModel.load(_place(folder, LANGUAGE_MODEL)) if config.language_model else None
        neural_lm = _read_neural_lm(_place(folder, NEURAL_LM), device) if config.neural_lm else None
    except LanguageModelError as error:
        raise ModelError(f"{error}; copy the whole model folder again") from None
    return ModelParts(
        network.load(engine, device),
        tokens,
        config.search,
        language_model,
        tuple(read_lines(_place(folder, LEXICON), ModelError)) if config.lexicon else (),
        neural_lm,
        config.calibration,
        tagger_from_file(_place(folder, TAGGER)) if config.tagger else None,
    )


def holds_model(folder: Path) -> bool:
    """Whether this is a model folder, though perhaps not a whole one."""
    try:
        has = {name: _place(folder, name).is_file() for name in FILES}
    except OSError:  # it cannot be looked into
        return False
    return has["config.json"] and (has["tokens.model"] or has["model.safetensors"])


def model_digest(folder: Path) -> str:
    """A digest of all that decides what a model hears and writes: settings, weights, tokens, language models, tagger.

    Raises:
        ModelError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for name in (*FILES, RECORD, LANGUAGE_MODEL, LEXICON, NEURAL_LM, TAGGER):
        path = _place(folder, name)
        try:
            with path.open("rb") as file:
                digest.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ModelError(f"{path}: cannot be read ({system_reason(error)})") from None
    return digest.hexdigest()


def read_network_and_tokens(folder: Path) -> tuple[ModelSettings, Tokens]:
    """The settings of the network in a model folder, and its tokens, without the weights.

    Raises:
        ModelError: a file is missing or broken, or the format is of another version.
    """
    network, tokens, _ = read_network(folder)
    return network.settings, tokens


def read_network(folder: Path) -> tuple[StoredNetwork, Tokens, _Config]:
    """All but the language models; the weights themselves are not read yet."""
    _refuse_missing_files(folder)
    config = _read_config(_place(folder, "config.json"))
    tokens = _read_tokens(_place(folder, "tokens.model"), config.tokens_sha256)
    place, digest = partial(_place, folder), config.weights_sha256
    return StoredNetwork(place, config.model, len(tokens), config.sample_rate, digest), tokens, config


def _place(folder: Path, name: str) -> Path:
    """Where a file of the model is: still in the subfolder, if a save was interrupted after it was complete."""
    new = folder / COMPLETE / name
    return new if new.is_file() else folder / name


def _refuse_missing_files(folder: Path) -> None:
    if not folder.is_dir():
        found = "no such model folder" + (", but a file of that name" if folder.is_file() else "")
        raise ModelError(f"{folder}: {found}")
    missing = [name for name in FILES if not _place(folder, name).is_file()]
    if missing == [WEIGHTS] and _place(folder, RECORD).is_file():
        return
    if missing:
        raise ModelError(f"{folder}: the model folder has no {', '.join(missing)}; it needs {', '.join(FILES)}")


def _read_config(path: Path) -> _Config:
    try:
        values = parse_json(read_bytes(path, ModelError, max_bytes=MAX_SIDE_BYTES))
    except ValueError as error:
        raise ModelError(f"{path}: not readable as JSON ({error}); copy the whole model folder again") from None
    version = values.get("format_version") if isinstance(values, dict) else None
    if version not in range(1, FORMAT_VERSION + 1) or isinstance(version, bool):
        raise ModelError(
            f"{path}: format_version is {version!r}, this asr reads 1 to {FORMAT_VERSION}; "
            "use the asr that wrote the model, or train it again"
        )
    try:
        return _Config.parse(
            {**values, "model": settings_of_format_1(values.get("model"))} if version == 1 else values, source=str(path)
        )
    except SettingsError as error:
        raise ModelError(f"{error}; use the asr that wrote the model, or copy the whole model folder again") from None


def _read_tokens(path: Path, sha256: str) -> Tokens:
    try:
        content = bytes(read_bytes(path, TokensError, max_bytes=MAX_SIDE_BYTES))
        if hashlib.sha256(content).hexdigest() == sha256:
            return Tokens(content)
        reason = "not the tokens that the weights were trained with"
    except TokensError as error:
        reason = str(error)
    raise ModelError(f"{path}: {reason}; copy the whole model folder again")


def _read_neural_lm(path: Path, device: Any) -> "NeuralLM":
    with needs_extra(f"{path}: this language model"):
        from asr.lm.neural.model import NeuralLM
        from asr.torch_engine import usable_device
    return NeuralLM.load(path, Tokens, device=usable_device(device))
