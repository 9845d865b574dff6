"""Stages 1 to 6 in a row: the only module that knows their order.

A model is a folder: `model.safetensors` (weights), `config.json` (settings), `tokens.model`, `README.md` (model card).
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import safetensors
import safetensors.torch
import torch
from jaxtyping import Float
from torch import Tensor

from asr.align import align_tokens
from asr.audio import SAMPLE_RATE, load_audio
from asr.errors import AudioError, ModelError, OutputError, SettingsError, TokensError
from asr.model import AcousticModel, ModelSettings
from asr.search import Hypothesis, SearchSettings, search
from asr.settings import Settings
from asr.tokens import BLANK_ID, Tokens
from asr.transcript import Transcript, Word

FORMAT_VERSION = 1
FILES = ("config.json", "model.safetensors", "tokens.model")
SILENCE = 1e-4  # of full scale, -80 dB: three steps of 16 bit
# Subfolders of a model folder, there only while it is written, or if that was cut short (see `Recognizer.save`).
_INCOMPLETE, _COMPLETE = ".incomplete", ".complete"


class _Config(Settings):
    """`config.json`: what it takes, beside weights and tokens, to build the recogniser again."""

    format_version: int
    sample_rate: Literal[16_000]
    tokens_sha256: str
    model: ModelSettings
    search: SearchSettings


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
    def load(cls, folder: str | Path, *, device: str | torch.device = "cpu") -> "Recognizer":
        """Read a model folder.

        Raises:
            ModelError: a file is missing or broken, the format is of another version, or the parts do not fit.
        """
        folder = Path(folder)
        _refuse_missing_files(folder)
        config = _read_config(_place(folder, "config.json"))
        tokens = _read_tokens(_place(folder, "tokens.model"), config.tokens_sha256)
        weights = _place(folder, "model.safetensors")
        try:
            model = AcousticModel(config.model, vocab_size=len(tokens), sample_rate=SAMPLE_RATE)
            model.load_state_dict(safetensors.torch.load_file(weights))
        except (safetensors.SafetensorError, RuntimeError, ValueError, OSError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(
                f"{weights}: damaged, or not of this config.json; copy the whole model folder again ({reason})"
            ) from None
        return cls(model.to(device), tokens, config.search)

    def save(self, folder: str | Path, *, card: str = "") -> None:
        """Write the model folder, whole or not at all; what else is in the folder is left alone.

        The files are written into a subfolder. Renaming that to `.complete` makes the new model valid at one stroke:
        from then on its files count, and are moved into place. A crash at any moment leaves the old model or the new.

        Raises:
            OutputError: the disk is full or the folder can not be written; the model that was there is untouched.
        """
        folder = Path(folder)
        incomplete, was_there = folder / _INCOMPLETE, folder.exists()
        try:
            _move_into_place(folder)
            shutil.rmtree(incomplete, ignore_errors=True)
            incomplete.mkdir(parents=True)
            for name, content in self._files(card).items():
                _write_through(incomplete / name, content)
            incomplete.rename(folder / _COMPLETE)
            _move_into_place(folder)
        except OSError as error:
            untouched = (folder / "config.json").is_file() and not (folder / _COMPLETE).exists()
            kept = "; the model that was there before is untouched" if untouched else ""
            raise OutputError(f"{folder}: the model could not be written ({error.strerror or error}){kept}") from error
        finally:
            shutil.rmtree(incomplete, ignore_errors=True)
            if not was_there:
                with contextlib.suppress(OSError):
                    folder.rmdir()  # only succeeds where the save has failed, and left it empty

    def _files(self, card: str) -> dict[str, bytes]:
        config = {
            "format_version": FORMAT_VERSION,
            "sample_rate": SAMPLE_RATE,
            "tokens_sha256": hashlib.sha256(self.tokens.model).hexdigest(),
            "model": self.model.settings.model_dump(mode="json"),
            "search": self.search.model_dump(mode="json"),
        }
        weights = {name: value.detach().cpu().contiguous() for name, value in self.model.state_dict().items()}
        return {
            "config.json": (json.dumps(config, indent=2) + "\n").encode(),
            "model.safetensors": safetensors.torch.save(weights),
            "tokens.model": self.tokens.model,
            "README.md": (card or "# Speech recognition model\n\nMade with `asr`.\n").encode(),
        }

    def transcribe(self, audio: str | Path | Tensor) -> Transcript:
        """The transcript of a sound file, or of a waveform: Float[Tensor, "samples"], 16 kHz, mono, in [-1, 1].

        Raises:
            AudioError: the file can not be used, or the waveform is not one row of floats.
        """
        return self.transcribe_batch([load_audio(audio) if isinstance(audio, str | Path) else audio])[0]

    def transcribe_batch(self, waveforms: Sequence[Tensor]) -> list[Transcript]:
        """Transcripts of several waveforms at once: the same text as one by one.

        Raises:
            AudioError: a waveform is not one row of floats.
        """
        for waveform in waveforms:
            _refuse_other_than_waveform(waveform)
        return [
            self._transcript(log_probs, search(log_probs, self.search), len(waveform) / SAMPLE_RATE)
            for waveform, log_probs in zip(waveforms, self.log_probs(waveforms), strict=True)
        ]

    def log_probs(self, waveforms: Sequence[Float[Tensor, "_"]]) -> list[Float[Tensor, "_ vocab"]]:
        """Log-probabilities (frames, vocab) of each waveform, on the CPU, without padding.

        A waveform without sound is all blank, whatever the weights say: the normalisation of the features would blow
        up what is left of noise in it to the level of speech, and the model might well read words out of that.
        """
        sounding = [has_sound(waveform) for waveform in waveforms]
        rows = iter(self._run_model([waveform for waveform, sounds in zip(waveforms, sounding, strict=True) if sounds]))
        return [
            next(rows) if sounds else self._all_blank(len(waveform))
            for waveform, sounds in zip(waveforms, sounding, strict=True)
        ]

    def _run_model(self, waveforms: Sequence[Float[Tensor, "_"]]) -> list[Float[Tensor, "_ vocab"]]:
        if not waveforms:
            return []
        num_samples = torch.tensor([len(waveform) for waveform in waveforms])
        batch = torch.nn.utils.rnn.pad_sequence(list(waveforms), batch_first=True)
        with torch.inference_mode():
            log_probs, num_frames = self.model(batch.to(self.device), num_samples.to(self.device))
        return [rows[:n] for rows, n in zip(log_probs.cpu(), num_frames.tolist(), strict=True)]

    def _all_blank(self, num_samples: int) -> Float[Tensor, "frames vocab"]:
        num_frames = int(self.model.num_output_frames(torch.tensor([num_samples])))
        log_probs = torch.full((num_frames, len(self.tokens)), -torch.inf)
        log_probs[:, BLANK_ID] = 0.0
        return log_probs

    def _transcript(self, log_probs: Float[Tensor, "frames vocab"], best: Hypothesis, duration: float) -> Transcript:
        spans = align_tokens(log_probs, best.tokens)
        text = self.tokens.decode(best.tokens)
        words = []
        for word, (first, end) in zip(text.split(), self.tokens.word_spans(best.tokens), strict=True):
            inside = spans[first:end]
            confidence = sum(span.confidence for span in inside) / len(inside)
            start_s, end_s = (frame * self.model.seconds_per_frame for frame in (inside[0].start, inside[-1].end))
            words.append(Word(word, min(start_s, duration), min(end_s, duration), confidence))
        return Transcript(text, tuple(words), duration, best.score)


def default_device() -> torch.device:
    """The GPU, if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def has_sound(waveform: Float[Tensor, "samples"]) -> bool:
    """Whether any sample is further than `SILENCE` from the mean (which is not zero where a recorder has an offset)."""
    return len(waveform) > 0 and not bool(((waveform - waveform.mean()).abs() <= SILENCE).all())


def _refuse_other_than_waveform(audio: object) -> None:
    if isinstance(audio, Tensor) and audio.ndim == 1 and audio.is_floating_point():
        return
    found = f"a tensor {tuple(audio.shape)} of {audio.dtype}" if isinstance(audio, Tensor) else type(audio).__name__
    raise AudioError(
        f"found {found}, expected a path, or a float tensor (samples,) at {SAMPLE_RATE} Hz; "
        "asr.audio.load_audio and asr.audio.to_waveform make one"
    )


def _place(folder: Path, name: str) -> Path:
    """Where a file of the model is: still in the subfolder, if a save was cut short after it was complete."""
    new = folder / _COMPLETE / name
    return new if new.is_file() else folder / name


def _refuse_missing_files(folder: Path) -> None:
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder")
    missing = [name for name in FILES if not _place(folder, name).is_file()]
    if missing:
        raise ModelError(f"{folder}: the model folder has no {', '.join(missing)}; it needs {', '.join(FILES)}")


def _read_config(path: Path) -> _Config:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: not readable as JSON ({error}); copy the whole model folder again") from None
    version = values.get("format_version") if isinstance(values, dict) else None
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{path}: format_version is {version!r}, this asr reads {FORMAT_VERSION}; "
            "use the asr that wrote the model, or train it again"
        )
    try:
        return _Config.parse(values, source=str(path))
    except SettingsError as error:
        raise ModelError(f"{error}; copy the whole model folder again") from None


def _read_tokens(path: Path, sha256: str) -> Tokens:
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() == sha256:
            return Tokens(content)
        reason = "not the tokens that the weights were trained with"
    except (OSError, TokensError) as error:
        reason = str(error)
    raise ModelError(f"{path}: {reason}; copy the whole model folder again")


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _move_into_place(folder: Path) -> None:
    """Move the files of a complete model from the subfolder to the folder; does nothing where there is none."""
    complete = folder / _COMPLETE
    if complete.is_dir():
        for path in list(complete.iterdir()):
            path.replace(folder / path.name)
        complete.rmdir()
