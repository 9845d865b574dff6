"""Stages 1 to 6 in a row: the only module that knows their order.

A model is a folder: `model.safetensors` (weights), `config.json` (settings), `tokens.model`, `README.md` (model card).
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import safetensors
import safetensors.torch
import torch
from jaxtyping import Float
from torch import Tensor

from asr.align import align_tokens
from asr.audio import SAMPLE_RATE, load_audio
from asr.errors import ModelError, OutputError, SettingsError
from asr.files import write_text
from asr.model import AcousticModel, ModelSettings
from asr.search import Hypothesis, SearchSettings, search
from asr.tokens import Tokens
from asr.transcript import Transcript, Word

FORMAT_VERSION = 1
FILES = ("config.json", "model.safetensors", "tokens.model")


class Recognizer:
    """An acoustic model with its tokens and its search.

    >>> Recognizer.load("model").transcribe("a.wav").text  # doctest: +SKIP
    'HELLO WORLD'
    """

    def __init__(self, model: AcousticModel, tokens: Tokens, search: SearchSettings | None = None) -> None:
        if model.head.out_features != len(tokens):
            raise ModelError(
                f"the token model has {len(tokens)} tokens, the weights are for {model.head.out_features}; "
                "take the tokens.model that the weights were trained with"
            )
        self.model = model.eval()
        self.tokens = tokens
        self.search = search or SearchSettings()

    @property
    def device(self) -> torch.device:
        return self.model.head.weight.device

    @classmethod
    def load(cls, folder: str | Path, *, device: str | torch.device = "cpu") -> Self:
        """Read a model folder.

        Raises:
            ModelError: a file is missing or broken, the format is of another version, or the parts do not fit.
        """
        folder = Path(folder)
        config = _read_config(folder)
        tokens_bytes = (folder / "tokens.model").read_bytes()
        if hashlib.sha256(tokens_bytes).hexdigest() != config["tokens_sha256"]:
            raise ModelError(
                f"{folder}/tokens.model is not the token model that the weights were trained with; "
                "copy the whole model folder again"
            )
        tokens = Tokens.load(folder / "tokens.model")
        try:
            settings = ModelSettings.parse(config["model"], source=f"{folder}/config.json: model")
            search = SearchSettings.parse(config["search"], source=f"{folder}/config.json: search")
        except SettingsError as error:
            raise ModelError(str(error)) from None
        model = AcousticModel(settings, vocab_size=len(tokens), sample_rate=SAMPLE_RATE)
        try:
            model.load_state_dict(safetensors.torch.load_file(folder / "model.safetensors"))
        except (safetensors.SafetensorError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(f"{folder}/model.safetensors does not fit config.json: {reason}") from None
        return cls(model.to(device), tokens, search)

    def save(self, folder: str | Path, *, card: str = "") -> None:
        """Write the model folder; a folder that is there already is replaced only when the new one is whole.

        Raises:
            OutputError: the disk is full or the folder can not be written; what was there before is untouched.
        """
        folder = Path(folder)
        temporary = folder.with_name(f".{folder.name}.partial")
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            self._write(temporary, card)
            _replace_folder(temporary, folder)
        except OSError as error:
            kept = "; the model that was there before is untouched" if folder.exists() else ""
            raise OutputError(f"{folder}: the model could not be written ({error.strerror or error}){kept}") from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _write(self, folder: Path, card: str) -> None:
        config = {
            "format_version": FORMAT_VERSION,
            "sample_rate": SAMPLE_RATE,
            "tokens_sha256": hashlib.sha256(self.tokens.model).hexdigest(),
            "model": self.model.settings.model_dump(mode="json"),
            "search": self.search.model_dump(mode="json"),
        }
        weights = {name: value.detach().cpu().contiguous() for name, value in self.model.state_dict().items()}
        (folder / "model.safetensors").write_bytes(safetensors.torch.save(weights))
        (folder / "tokens.model").write_bytes(self.tokens.model)
        write_text(folder / "config.json", json.dumps(config, indent=2) + "\n")
        write_text(folder / "README.md", card or "# Speech recognition model\n\nMade with `asr`.\n")

    def transcribe(self, audio: str | Path | Float[Tensor, "samples"]) -> Transcript:
        """The transcript of a sound file, or of a waveform (16 kHz, mono, in [-1, 1]).

        Raises:
            AudioError: the file can not be used.
        """
        waveform = audio if isinstance(audio, Tensor) else load_audio(audio)
        return self.transcribe_batch([waveform])[0]

    def transcribe_batch(self, waveforms: Sequence[Float[Tensor, "_"]]) -> list[Transcript]:
        """Transcripts of several waveforms at once: the same text as one by one."""
        return [
            self._transcript(log_probs, search(log_probs, self.search), len(waveform) / SAMPLE_RATE)
            for waveform, log_probs in zip(waveforms, self.log_probs(waveforms), strict=True)
        ]

    def log_probs(self, waveforms: Sequence[Float[Tensor, "_"]]) -> list[Float[Tensor, "_ vocab"]]:
        """Log-probabilities (frames, vocab) of each waveform, on the CPU, without padding."""
        num_samples = torch.tensor([len(w) for w in waveforms])
        batch = torch.nn.utils.rnn.pad_sequence(list(waveforms), batch_first=True)
        with torch.inference_mode():
            log_probs, num_frames = self.model(batch.to(self.device), num_samples.to(self.device))
        return [rows[:n] for rows, n in zip(log_probs.cpu(), num_frames.tolist(), strict=True)]

    def _transcript(self, log_probs: Float[Tensor, "frames vocab"], best: Hypothesis, duration: float) -> Transcript:
        spans = align_tokens(log_probs, best.tokens)
        text = self.tokens.decode(best.tokens)
        words = []
        for word, (first, end) in zip(text.split(), self.tokens.word_starts(best.tokens), strict=True):
            inside = spans[first:end]
            confidence = sum(span.confidence for span in inside) / len(inside)
            start_s, end_s = (frame * self.model.seconds_per_frame for frame in (inside[0].start, inside[-1].end))
            words.append(Word(word, min(start_s, duration), min(end_s, duration), confidence))
        return Transcript(text, tuple(words), duration, best.score)


def _read_config(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder")
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"{folder}: the model folder has no {', '.join(missing)}; it needs {', '.join(FILES)}")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        version = config["format_version"]
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"{folder}/config.json: not the config of a model; copy the model folder again") from None
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{folder}: the model has format version {version}, this asr reads version {FORMAT_VERSION}; "
            f"{'update asr' if version > FORMAT_VERSION else 'train the model again'}"
        )
    absent = [key for key in ("tokens_sha256", "model", "search") if key not in config]
    if absent:
        raise ModelError(f"{folder}/config.json: the keys {', '.join(absent)} are missing")
    return dict(config)


def _replace_folder(new: Path, folder: Path) -> None:
    """Put `new` in the place of `folder`; two renames, so that there is always one whole model on the disk."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
