"""Stages 1 to 6 in a row: the only module that knows their order.

A recogniser is read from a model folder and written to one: `asr/model_folder.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from asr.alignment.forced_alignment import align_tokens, align_words, path_score
from asr.alignment.pauses import Interval, find_pauses
from asr.audio import SAMPLE_RATE
from asr.ctc import BLANK_ID, num_frames_needed
from asr.engine import Engine
from asr.errors import AsrError, AudioError, ModelError, SearchError, TokensError
from asr.longform.pipeline import Recording, transcribe_recordings
from asr.longform.vad import silero_detector
from asr.model_folder import ModelParts, read_model_folder
from asr.model_saving import write_model_folder
from asr.pretrained.installed import default_model, find_model
from asr.search import Fusion, Hypothesis, SearchSettings, search_batch, start_stream
from asr.search.hypothesis import check_log_probs
from asr.search.rescore import rescore
from asr.silence import has_sound
from asr.sound_input import SoundInput, blocks_of, name_of, path_of, waveform_of
from asr.stored_network import EngineName
from asr.streaming.settings import StreamSettings
from asr.streaming.stream import Stream
from asr.text.figures import with_figures
from asr.text.restore import restored_transcript
from asr.tokens import Tokens
from asr.transcript import Transcript, Word, segments_of

if TYPE_CHECKING:  # with torch
    import torch

    from asr.model import AcousticModel

AnySound = TypeVar("AnySound", bound=SoundInput)

_BLOCK_SECONDS = 10.0  # in which sounds are read


class Recognizer:
    """The parts of a model folder, ready to transcribe. Immutable: `with_search` and `with_hotwords` return a new one.

    `hotwords`: words and phrases to expect, with the bonus of each of their characters (a natural log; 1.5 is a start);
    they need beam search, and switch it on. `figures`: whether numbers are printed in figures (`asr.text.figures`).
    `vad`: whether `transcribe` takes what is not speech for silence (`asr.longform.vad`).

    >>> Recognizer.load("model").transcribe("a.wav").text  # doctest: +SKIP
    'HELLO WORLD'
    """

    def __init__(
        self,
        parts: ModelParts,
        *,
        hotwords: Mapping[str, float] | None = None,
        figures: bool = False,
        vad: bool = False,
    ) -> None:
        engine, tokens = parts.engine, parts.tokens
        if engine.vocab_size != len(tokens):
            raise ModelError(
                f"the token model has {len(tokens)} tokens, the weights are for {engine.vocab_size}; "
                "take the tokens.model that the weights were trained with"
            )
        if parts.neural_lm is not None:
            parts.neural_lm.check_alphabet(tokens.alphabet)
        self.parts, self.figures, self.vad = parts, figures, vad
        self.hotwords: Mapping[str, float] = MappingProxyType(dict(hotwords or {}))
        if hotwords:
            _ = self.fusion  # so that a hot word that cannot be written is refused here, before any work

    @property
    def engine(self) -> Engine:
        """What computes log-probabilities."""
        return self.parts.engine

    @property
    def tokens(self) -> Tokens:
        return self.parts.tokens

    @property
    def search(self) -> SearchSettings:
        """How text is searched for."""
        return self.parts.search.model_copy(update={"method": "beam"}) if self.hotwords else self.parts.search

    @property
    def model(self) -> "AcousticModel":
        """The network, for training and for a look inside.

        Raises:
            ModelError: the model is not run by torch.
        """
        from asr.torch_engine import TorchEngine

        if not isinstance(self.engine, TorchEngine):
            raise ModelError(f"the model is run by {type(self.engine).__name__}; load it with engine='torch'")
        return self.engine.model

    @cached_property
    def fusion(self) -> Fusion | None:
        """Language model and hot words, prepared for the search; None if there are neither."""
        if self.parts.language_model is None and not self.hotwords:
            return None
        return Fusion(
            self.tokens.pieces,
            self.parts.language_model,
            settings=self.search.fusion,
            lexicon=self.parts.lexicon,
            hotwords=self.hotwords,
        )

    def with_search(self, settings: SearchSettings) -> "Recognizer":
        """The same recogniser with another search."""
        return self._sharing(replace(self.parts, search=settings), self.hotwords)

    def with_hotwords(self, hotwords: Mapping[str, float]) -> "Recognizer":
        """The same recogniser with other hot words, or with none; cheap enough for a single request.

        Raises:
            SearchError: a hot word cannot be written with the model's tokens.
        """
        return self._sharing(self.parts, hotwords)

    def without_tagger(self) -> "Recognizer":
        """The same recogniser, whose words have no capitals and marks."""
        return self._sharing(replace(self.parts, tagger=None), self.hotwords)

    def _sharing(self, parts: ModelParts, hotwords: Mapping[str, float]) -> "Recognizer":
        """A recogniser that reuses what was built from the language model: for a large one that takes seconds."""
        other = Recognizer(parts, figures=self.figures, vad=self.vad)
        other.hotwords = MappingProxyType(dict(hotwords))
        if self.fusion is not None and (parts.language_model is not None or hotwords):
            other.__dict__["fusion"] = self.fusion.replace(settings=other.search.fusion, hotwords=hotwords)
        elif hotwords:
            _ = other.fusion
        return other

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        *,
        device: "str | torch.device" = "cpu",
        engine: EngineName = "auto",
        hotwords: Mapping[str, float] | None = None,
        figures: bool = False,
        vad: bool = False,
    ) -> "Recognizer":
        """Read the model in a folder, or of a name (`asr.pretrained`), or the one that is taken unasked.

        `device` is where it will compute, such as "cuda", or "auto": the GPU, if there is one. `engine` is what
        computes: torch, ONNX Runtime, or the quicker of the two (`StoredNetwork.load`).

        Raises:
            DeviceError: there is no such device.
            ExtraError: torch is needed, or what `vad` needs, but not installed.
            ModelError: there is no such model, a file is missing or broken, the format is of another version, or the
                parts do not fit.
            SearchError: a hot word cannot be written with the model's tokens.
        """
        if vad:
            silero_detector()  # so that a missing package is told before any work
        folder = default_model() if model is None else find_model(model)
        parts = read_model_folder(folder, device=device, engine=engine)
        return cls(parts, hotwords=hotwords, figures=figures, vad=vad)

    def save(self, folder: str | Path, *, card: str = "") -> None:
        """Write the model folder, whole or not at all; what else is in the folder is left alone.

        Raises:
            OutputError: the disk is full or the folder cannot be written; the model that was there is untouched.
        """
        write_model_folder(Path(folder), self.parts, card=card)

    @overload
    def transcribe(self, audio: SoundInput, *, sample_rate: int = ...) -> Transcript: ...

    @overload
    def transcribe(
        self, audio: list[AnySound] | tuple[AnySound, ...], *, sample_rate: int = ...
    ) -> list[Transcript]: ...

    def transcribe(self, audio: Any, *, sample_rate: int = SAMPLE_RATE) -> Transcript | list[Transcript]:
        """The transcript of a sound: of a file (its path, its bytes, or an open file), or of samples in a NumPy array
        or a tensor. Shapes and types: `asr.sound_input.waveform_of`. `sample_rate`, in Hz, is that of samples.

        A sound may be of any length: it is cut at pauses, and each stretch is recognised as an utterance by itself
        (`asr/longform/`). For a list or a tuple of sounds, a list of their transcripts. Files are read in blocks.
        If the model has a tagger, words have their printed form (`Word.written`), too.

        Raises:
            AudioError: a file or the samples cannot be used, such as samples that are NaN.
        """
        sounds = audio if isinstance(audio, list | tuple) else [audio]
        recordings = (
            Recording(blocks_of(sound, _BLOCK_SECONDS, sample_rate=sample_rate), path_of(sound)) for sound in sounds
        )
        transcripts = []
        for outcome in transcribe_recordings(self, recordings):
            if isinstance(outcome, AsrError):
                raise outcome
            transcripts.append(self.punctuated(outcome))
        return transcripts if isinstance(audio, list | tuple) else transcripts[0]

    def transcribe_batch(self, sounds: Sequence[SoundInput], *, sample_rate: int = SAMPLE_RATE) -> list[Transcript]:
        """Transcripts of several utterances as one batch, which has to fit into memory: each in one pass, not cut.

        Raises:
            AudioError: as `transcribe`.
        """
        waveforms = [waveform_of(sound, sample_rate=sample_rate) for sound in sounds]
        all_log_probs = self.log_probs(waveforms)
        hypotheses = self.decode(all_log_probs)
        return [
            self._utterance(path_of(sound), waveform, log_probs, best)
            for sound, waveform, log_probs, best in zip(sounds, waveforms, all_log_probs, hypotheses, strict=True)
        ]

    def alternatives(self, audio: SoundInput, *, num_best: int = 5, sample_rate: int = SAMPLE_RATE) -> list[Transcript]:
        """The likeliest texts of an utterance, best first: `num_best` of them, or as many as the beam holds. They come
        from beam search, also if the model's own search is greedy; the utterance has to fit into memory, and is not
        cut.

        Raises:
            AudioError: as `transcribe`.
            SearchError: `num_best` is below one.
        """
        if num_best < 1:
            raise SearchError(f"num_best is {num_best}; expected one or more")
        waveform = waveform_of(audio, sample_rate=sample_rate)
        (log_probs,) = self.log_probs([waveform])
        settings = self.search.model_copy(update={"method": "beam"})
        (found,) = self._ranked([log_probs], settings, settings.beam_width)
        first_of_text = {self.tokens.decode(each.tokens): each for each in reversed(found)}
        best = sorted(first_of_text.values(), key=lambda each: -each.score)[:num_best]
        return [self.punctuated(self._utterance(path_of(audio), waveform, log_probs, each)) for each in best]

    def _utterance(
        self,
        source: str,
        waveform: Float[ndarray, "_"],
        log_probs: Float[ndarray, "frames vocab"],
        hypothesis: Hypothesis,
    ) -> Transcript:
        return self.transcript(
            log_probs,
            hypothesis.tokens,
            pauses=find_pauses(waveform, sample_rate=SAMPLE_RATE),
            duration=len(waveform) / SAMPLE_RATE,
            score=hypothesis.score,
            source=source,
        )

    def punctuated(self, transcript: Transcript) -> Transcript:
        """The transcript of a whole recording with `Word.written`, if the model has a tagger; else as it is."""
        if self.parts.tagger is not None:
            transcript = restored_transcript(transcript, self.parts.tagger)
        return with_figures(transcript) if self.figures else transcript

    def align(self, audio: SoundInput, text: str, *, sample_rate: int = SAMPLE_RATE) -> Transcript:
        """Forced alignment: when each word of `text` is said in a sound (as for `transcribe`), and with what
        confidence. `score` is that of the likeliest path.

        Raises:
            AudioError: the sound cannot be used, is silent, or is too short for the text.
            TokensError: the text is empty, or has a character that the model has no token for.
        """
        waveform, where = waveform_of(audio, sample_rate=sample_rate), name_of(audio)
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
                f"{num_frames * self.engine.seconds_per_frame:.2f} s or more; give the text of this very sound"
            )
        return self.transcript(
            log_probs,
            tokens,
            pauses=find_pauses(waveform, sample_rate=SAMPLE_RATE),
            duration=len(waveform) / SAMPLE_RATE,
            source=path_of(audio),
        )

    def stream(self, *, lookahead: float = 0.6, chunk: float = 0.64, limit: float = 2.0, pause: float = 0.8) -> Stream:
        """A stream, for sound that comes piece by piece (`StreamSettings`). A neural language model takes no part.

        Raises:
            SettingsError: one of the times is out of range.
        """
        times = {"lookahead": lookahead, "chunk": chunk, "limit": limit, "pause": pause}
        search = start_stream(len(self.tokens), self.search, self.fusion)
        settings = StreamSettings.parse(times, source="stream")
        return Stream(self.engine, self.tokens, search, self.parts.calibration, settings)

    def log_probs(self, waveforms: Sequence[Float[ndarray, "_"]]) -> list[Float32[ndarray, "_ vocab"]]:
        """Natural-log probabilities (frames, vocab) of each waveform, without padding.

        A silent waveform is all blank, whatever the weights say: normalisation would amplify its faint noise to the
        level of speech, and the model might find words in it.
        """
        sounding = [has_sound(waveform) for waveform in waveforms]
        heard = [waveform for waveform, sounds in zip(waveforms, sounding, strict=True) if sounds]
        rows = iter(self.engine.log_probs(heard))
        return [
            next(rows) if sounds else self._all_blank(len(waveform))
            for waveform, sounds in zip(waveforms, sounding, strict=True)
        ]

    def _all_blank(self, num_samples: int) -> Float32[ndarray, "frames vocab"]:
        log_probs = np.full((self.engine.num_frames(num_samples), len(self.tokens)), -np.inf, dtype=np.float32)
        log_probs[:, BLANK_ID] = 0.0
        return log_probs

    def decode(self, batch: Sequence[Float[ndarray, "_ vocab"]]) -> list[Hypothesis]:
        """The best hypothesis for the log-probabilities of each utterance."""
        return [found[0] for found in self._ranked(batch, self.search, 1)]

    def _ranked(
        self, batch: Sequence[Float[ndarray, "_ vocab"]], settings: SearchSettings, num_best: int
    ) -> list[list[Hypothesis]]:
        """The hypotheses for each utterance, best first; with a neural language model, as many as it rescores."""
        if self.parts.neural_lm is None:
            return search_batch(batch, settings, self.fusion, num_best=num_best)
        found = search_batch(batch, settings, self.fusion, num_best=settings.num_rescored)
        return [self._rescored(hypotheses) for hypotheses in found]

    def _rescored(self, hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
        assert self.parts.neural_lm is not None
        texts = [self.tokens.decode(hypothesis.tokens) for hypothesis in hypotheses]
        scores = self.parts.neural_lm.score(texts)
        return rescore(hypotheses, texts, scores, weight=self.search.rescoring_weight)

    def transcript(
        self,
        log_probs: Float[ndarray, "frames vocab"],
        tokens: tuple[int, ...],
        *,
        pauses: Sequence[Interval],
        duration: float,
        score: float | None = None,
        source: str = "",
    ) -> Transcript:
        """Tokens that were found in log-probabilities, with the times and the confidence of their words.

        `pauses` are those of the sound (`asr.alignment.pauses.find_pauses`), which is `duration` seconds long.
        If `score` is None, it is that of the aligned path.
        """
        text, spans = self.tokens.decode(tokens), align_tokens(log_probs, tokens)
        aligned = align_words(
            spans,
            self.tokens.word_spans(tokens),
            seconds_per_frame=self.engine.seconds_per_frame,
            pauses=pauses,
            duration=duration,
        )
        words = tuple(
            Word(word, place.start, place.end, self.parts.calibration.apply(place.confidence))
            for word, place in zip(text.split(), aligned, strict=True)
        )
        score = path_score(log_probs, tokens, spans) if score is None else score
        return Transcript(segments_of(words, pauses), duration, score, source)
