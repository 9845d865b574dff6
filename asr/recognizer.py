"""Stages 1 to 6 in a row: the only module that knows their order.

A recogniser is read from a model folder and written to one: `asr/model_folder.py`.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from asr.alignment.confidence import Calibration
from asr.alignment.forced_alignment import align_tokens, align_words, path_score
from asr.alignment.word_times import find_pauses
from asr.audio import SAMPLE_RATE, SILENT_PEAK
from asr.ctc import BLANK_ID, num_frames_needed
from asr.errors import AudioError, DeviceError, ModelError, TokensError
from asr.lm.neural.model import NeuralLM
from asr.lm.ngram import NGramModel
from asr.model import AcousticModel
from asr.model_folder import ModelParts, read_model_folder, write_model_folder
from asr.search import Fusion, Hypothesis, SearchSettings, search_batch
from asr.search.hypothesis import check_log_probs
from asr.search.rescore import rescore
from asr.sound_input import SoundInput, name_of, waveform_of
from asr.tokens import Tokens
from asr.transcript import Transcript, Word

AnySound = TypeVar("AnySound", bound=SoundInput)


class Recognizer:
    """An acoustic model with its tokens and its search; with language models, if it was tuned with them.

    `lexicon`: words to allow beside those of the language model. `neural_lm`: rescores the best hypotheses.
    `calibration`: of the confidence of words. `hotwords`: words and phrases to expect, with the
    bonus of each of their characters (a natural log; 1.5 is a start); they need beam search, and switch it on.

    >>> Recognizer.load("model").transcribe("a.wav").text  # doctest: +SKIP
    'HELLO WORLD'
    """

    def __init__(
        self,
        model: AcousticModel,
        tokens: Tokens,
        search: SearchSettings | None = None,
        *,
        language_model: NGramModel | None = None,
        lexicon: Sequence[str] = (),
        neural_lm: NeuralLM | None = None,
        calibration: Calibration | None = None,
        hotwords: Mapping[str, float] | None = None,
    ) -> None:
        if model.vocab_size != len(tokens):
            raise ModelError(
                f"the token model has {len(tokens)} tokens, the weights are for {model.vocab_size}; "
                "take the tokens.model that the weights were trained with"
            )
        self.model = model.eval()
        self.tokens = tokens
        search = search or SearchSettings()
        self.search = search.model_copy(update={"method": "beam"}) if hotwords else search
        self.language_model = language_model
        self.lexicon = tuple(lexicon)
        self.neural_lm = neural_lm
        self.calibration = calibration or Calibration()
        if neural_lm is not None:
            neural_lm.check_alphabet(tokens.alphabet)
        self.hotwords = dict(hotwords or {})
        if hotwords:
            _ = self.fusion  # so that a hot word that can not be written is refused here, before any work

    @cached_property
    def fusion(self) -> Fusion | None:
        """Language model and hot words, made ready for the search; None if there are none of either."""
        if self.language_model is None and not self.hotwords:
            return None
        return Fusion(
            self.tokens.pieces,
            self.language_model,
            settings=self.search.fusion,
            lexicon=self.lexicon,
            hotwords=self.hotwords,
        )

    def with_search(self, settings: SearchSettings) -> "Recognizer":
        """The same recogniser with another search."""
        return Recognizer(
            self.model,
            self.tokens,
            settings,
            language_model=self.language_model,
            lexicon=self.lexicon,
            neural_lm=self.neural_lm,
            calibration=self.calibration,
            hotwords=self.hotwords,
        )

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return self.model.device

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        device: str | torch.device = "cpu",
        hotwords: Mapping[str, float] | None = None,
    ) -> "Recognizer":
        """Read a model folder; `device` is where it will compute, such as "cuda".

        Raises:
            DeviceError: there is no such device.
            ModelError: a file is missing or broken, the format is of another version, or the parts do not fit.
            SearchError: a hot word can not be written with the model's tokens.
        """
        device = usable_device(device)
        parts = read_model_folder(Path(folder))
        return cls(
            parts.model.to(device),
            parts.tokens,
            parts.search,
            language_model=parts.language_model,
            lexicon=parts.lexicon,
            neural_lm=None if parts.neural_lm is None else parts.neural_lm.to(device),
            calibration=parts.calibration,
            hotwords=hotwords,
        )

    def save(self, folder: str | Path, *, card: str = "") -> None:
        """Write the model folder, whole or not at all; what else is in the folder is left alone.

        Raises:
            OutputError: the disk is full or the folder can not be written; the model that was there is untouched.
        """
        parts = ModelParts(
            self.model, self.tokens, self.search, self.language_model, self.lexicon, self.neural_lm, self.calibration
        )
        write_model_folder(Path(folder), parts, card=card)

    @overload
    def transcribe(self, audio: SoundInput, *, sample_rate: int = ...) -> Transcript: ...

    @overload
    def transcribe(
        self, audio: list[AnySound] | tuple[AnySound, ...], *, sample_rate: int = ...
    ) -> list[Transcript]: ...

    def transcribe(self, audio: Any, *, sample_rate: int = SAMPLE_RATE) -> Transcript | list[Transcript]:
        """The transcript of a sound: of a file (its path, its bytes, or an open file), or of samples in a NumPy array
        or a tensor. `asr.sound_input.waveform_of` tells the shapes and types; `sample_rate`, in Hz, is that of samples.

        Of a list or a tuple of sounds, a list of their transcripts: one after the other, so with the memory for one.

        Raises:
            AudioError: a file or the samples can not be used, such as samples that are NaN.
        """
        if isinstance(audio, list | tuple):
            return [self.transcribe(one, sample_rate=sample_rate) for one in audio]
        (transcript,) = self.transcribe_batch([audio], sample_rate=sample_rate)
        return transcript

    def transcribe_batch(self, sounds: Sequence[SoundInput], *, sample_rate: int = SAMPLE_RATE) -> list[Transcript]:
        """Transcripts of several sounds at once, which all have to fit into memory: the same text as one by one.

        Raises:
            AudioError: as `transcribe`.
        """
        waveforms = [torch.from_numpy(waveform_of(sound, sample_rate=sample_rate)) for sound in sounds]
        all_log_probs = self.log_probs(waveforms)
        hypotheses = self.decode(all_log_probs)
        return [
            self._transcript(log_probs, best.tokens, waveform, score=best.score)
            for waveform, log_probs, best in zip(waveforms, all_log_probs, hypotheses, strict=True)
        ]

    def align(self, audio: SoundInput, text: str, *, sample_rate: int = SAMPLE_RATE) -> Transcript:
        """When and how surely each word of `text` is said in a sound, which `transcribe` could be given; `score` is
        that of the likeliest path.

        Raises:
            AudioError: the sound can not be used, is silent, or is too short for the text.
            TokensError: the text is empty, or has a character that the model has no token for.
        """
        waveform, where = torch.from_numpy(waveform_of(audio, sample_rate=sample_rate)), name_of(audio)
        for word in text.split():  # one by one, so that a message shows the word and not the whole text
            self.tokens.encode(word)
        tokens = tuple(self.tokens.encode(text))
        if not tokens:
            raise TokensError("the text is empty; give the words that are said in the sound")
        if not has_sound(waveform):
            raise AudioError(f"{where}: is silent, so no words can be found in it")
        (log_probs,) = self.log_probs([waveform])
        check_log_probs(log_probs)
        if len(log_probs) < (num_frames := num_frames_needed(tokens)):
            raise AudioError(
                f"{where}: {len(waveform) / SAMPLE_RATE:.2f} s of sound are too short for this text, which takes "
                f"{num_frames * self.model.seconds_per_frame:.2f} s or more; give the text of this very sound"
            )
        return self._transcript(log_probs, tokens, waveform)

    def decode(self, batch: Sequence[Float[np.ndarray, "_ vocab"]]) -> list[Hypothesis]:
        """The best hypothesis for the log-probabilities of each utterance."""
        if self.neural_lm is None:
            return [found[0] for found in search_batch(batch, self.search, self.fusion)]
        num_best = self.search.num_rescored
        return [self._rescored(found) for found in search_batch(batch, self.search, self.fusion, num_best=num_best)]

    def _rescored(self, hypotheses: Sequence[Hypothesis]) -> Hypothesis:
        assert self.neural_lm is not None
        texts = [self.tokens.decode(hypothesis.tokens) for hypothesis in hypotheses]
        scores = self.neural_lm.score(texts)
        return rescore(hypotheses, texts, scores, weight=self.search.rescoring_weight)[0]

    def log_probs(self, waveforms: Sequence[Float[Tensor, "_"]]) -> list[Float[np.ndarray, "_ vocab"]]:
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

    def _run_model(self, waveforms: Sequence[Float[Tensor, "_"]]) -> list[Float[np.ndarray, "_ vocab"]]:
        if not waveforms:
            return []
        num_samples = torch.tensor([len(waveform) for waveform in waveforms])
        batch = torch.nn.utils.rnn.pad_sequence(list(waveforms), batch_first=True)
        with torch.inference_mode():
            log_probs, num_frames = self.model(batch.to(self.device), num_samples.to(self.device))
        return [rows[:n] for rows, n in zip(log_probs.cpu().numpy(), num_frames.tolist(), strict=True)]

    def _all_blank(self, num_samples: int) -> Float[np.ndarray, "frames vocab"]:
        num_frames = int(self.model.num_output_frames(torch.tensor([num_samples])))
        log_probs = np.full((num_frames, len(self.tokens)), -np.inf, np.float32)
        log_probs[:, BLANK_ID] = 0.0
        return log_probs

    def _transcript(
        self,
        log_probs: Float[np.ndarray, "frames vocab"],
        tokens: tuple[int, ...],
        waveform: Float[Tensor, "samples"],
        *,
        score: float | None = None,
    ) -> Transcript:
        """`score` is that of the aligned path if None."""
        text, duration = self.tokens.decode(tokens), len(waveform) / SAMPLE_RATE
        spans = align_tokens(log_probs, tokens)
        aligned = align_words(
            spans,
            self.tokens.word_spans(tokens),
            seconds_per_frame=self.model.seconds_per_frame,
            pauses=find_pauses(waveform.numpy(), sample_rate=SAMPLE_RATE),
            duration=duration,
        )
        words = tuple(
            Word(word, place.start, place.end, self.calibration.apply(place.confidence))
            for word, place in zip(text.split(), aligned, strict=True)
        )
        return Transcript(text, words, duration, path_score(log_probs, tokens, spans) if score is None else score)


def default_device() -> torch.device:
    """The GPU, if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def usable_device(device: str | torch.device) -> torch.device:
    """The device of this name, such as "cpu", "cuda" or "cuda:1".

    Raises:
        DeviceError: PyTorch has no such device here.
    """
    try:
        found = torch.device(device)
        torch.zeros(1, device=found).cpu()
    except Exception as error:  # each of PyTorch's back ends raises what it likes
        reason = str(error).strip().partition("\n")[0].partition(". ")[0]
        there = "; ".join(["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))])
        raise DeviceError(f"device {str(device)!r} cannot be used ({reason}); here there is: {there}") from None
    return found


def has_sound(waveform: Float[Tensor, "samples"]) -> bool:
    """Whether any sample is further than `SILENT_PEAK` from the mean, which is not 0 where a recorder has an offset."""
    return len(waveform) > 0 and not bool(((waveform - waveform.mean()).abs() <= SILENT_PEAK).all())
