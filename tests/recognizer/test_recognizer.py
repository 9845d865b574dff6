"""The recogniser: the same alone or in a batch, silence, word times, odd input."""

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise, product
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pytest
import soundfile
import torch

from asr.errors import AudioError, DeviceError, ModelError, SearchError
from asr.model_folder import ModelParts
from asr.recognizer import Recognizer
from asr.search import SearchSettings
from asr.silence import SILENT_PEAK
from asr.sound_input import SoundInput
from asr.tokens import Tokens, TokenSettings
from tests.support.talkative import SAMPLE_RATE as RATE
from tests.support.talkative import TEXTS, char_tokens, sound, talkative


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return talkative()


# --- transcription ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("search", [SearchSettings(), SearchSettings(method="beam", beam_width=4)], ids=str)
def test_a_batch_of_32_gives_what_each_gives_alone(search: SearchSettings) -> None:
    recognizer = talkative(search=search)
    lengths = [1, 2, 160, 161, 700, 1600, 3201, 4800, 6400, 8000, 9999, 12_000, 14_400, 16_000, 20_000, 24_000]
    waveforms = [sound(n, seed) for seed, n in enumerate(lengths * 2)]
    waveforms[3], waveforms[20] = np.zeros(5000, np.float32), np.full(3000, 0.2, np.float32)
    together, log_probs = recognizer.transcribe_batch(waveforms), recognizer.log_probs(waveforms)
    for waveform, transcript, rows in zip(waveforms, together, log_probs, strict=True):
        alone = recognizer.transcribe(waveform)
        assert transcript.text == alone.text
        assert transcript.duration == alone.duration == len(waveform) / RATE
        assert transcript.score == pytest.approx(alone.score, abs=1e-3)
        assert [(w.text, w.start, w.end) for w in transcript.words] == [(w.text, w.start, w.end) for w in alone.words]
        np.testing.assert_allclose(rows, recognizer.log_probs([waveform])[0], rtol=0, atol=1e-4)
    assert len({transcript.text for transcript in together}) > 20  # the texts do depend on the sound


@pytest.mark.parametrize("kind", ["char", "bpe"])
def test_words_are_those_of_the_text_with_times_in_order_inside_the_sound(kind: Literal["char", "bpe"]) -> None:
    tokens, _ = Tokens.train(TEXTS, TokenSettings(kind=kind, vocab_size=24))
    counts = []
    for seed in range(16):
        transcript = talkative(seed, tokens=tokens).transcribe(sound(30_000, seed))
        counts.append(len(transcript.words))
        assert [word.text for word in transcript.words] == transcript.text.split()
        assert all(0 <= word.start < word.end <= transcript.duration == 30_000 / RATE for word in transcript.words)
        assert all(word.end <= following.start for word, following in pairwise(transcript.words))
        assert all(0 < word.confidence <= 1 for word in transcript.words)
        assert -math.inf < transcript.score <= 0
    assert sum(counts) > 20


def test_files_and_waveforms_give_the_same_and_so_does_a_path_as_text(recognizer: Recognizer, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(16_000), RATE, subtype="FLOAT")
    expected = recognizer.transcribe(sound(16_000))
    assert expected.text
    assert expected.source == ""
    assert recognizer.transcribe(path) == recognizer.transcribe(str(path)) == replace(expected, source=str(path))


def test_a_file_of_one_sample_is_transcribed(recognizer: Recognizer, tmp_path: Path) -> None:
    path = tmp_path / "click.wav"
    soundfile.write(path, np.array([0.5]), RATE)
    transcript = recognizer.transcribe(path)
    assert (transcript.text, transcript.words, transcript.duration, transcript.score) == ("", (), 1 / RATE, 0.0)


def test_nothing_to_transcribe(recognizer: Recognizer) -> None:
    assert recognizer.transcribe_batch([]) == []
    assert recognizer.log_probs([]) == []
    transcript = recognizer.transcribe(torch.zeros(0))
    assert (transcript.text, transcript.duration) == ("", 0.0)


SILENT: dict[str, SoundInput] = {
    "zeros": torch.zeros(8000),
    "offset": torch.full((8000,), 0.3),
    "faint noise": sound(8000, level=0.9 * SILENT_PEAK),
    "faint noise on an offset": 0.1 + sound(8000, level=0.5 * SILENT_PEAK),
    "one sample": torch.ones(1),
}


@pytest.mark.parametrize("name", SILENT)
def test_silence_is_empty_whatever_the_weights_say_and_also_in_a_batch(name: str) -> None:
    shouting = talkative()
    token = shouting.tokens.encode("A")[-1]
    shouting.model.head.bias.data[token] += 1000
    loud = sound(8000, level=2 * SILENT_PEAK)
    first, silent, last = shouting.transcribe_batch([loud, SILENT[name], loud])
    assert silent == shouting.transcribe(SILENT[name])
    assert (silent.text, silent.words, silent.score) == ("", (), 0.0)
    assert first == last == shouting.transcribe(loud)
    assert first.text == "A"


def test_log_probs_of_nan_are_not_taken_for_silence(recognizer: Recognizer) -> None:
    broken = sound(8000)
    broken[100] = float("nan")
    with pytest.raises(SearchError, match="NaN"):
        recognizer.decode(recognizer.log_probs([broken]))


def test_a_list_of_sounds_gives_a_list_and_a_batch_takes_whatever_one_may_be(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(16_000), RATE, subtype="FLOAT")
    expected = [recognizer.transcribe(path), recognizer.transcribe(sound(9_000, 1))]
    assert expected[0].text != expected[1].text
    sounds: list[SoundInput] = [path, sound(9_000, 1)]
    for found in (recognizer.transcribe(sounds), recognizer.transcribe(tuple(sounds))):
        assert [replace(one, score=0.0, segments=()) for one in found] == [
            replace(one, score=0.0, segments=()) for one in expected
        ]
        assert [one.text for one in found] == [one.text for one in expected]
    assert [one.text for one in recognizer.transcribe_batch(sounds)] == [one.text for one in expected]
    assert recognizer.transcribe([]) == []
    with pytest.raises(AudioError, match=r"b\.wav: no such file"):
        recognizer.transcribe([path, tmp_path / "b.wav"])


def test_alternatives_are_the_likeliest_texts_of_all_paths() -> None:
    recognizer = talkative(search=SearchSettings(beam_width=1000))
    waveform = sound(1700)
    (log_probs,) = recognizer.log_probs([waveform])
    rows = np.exp(log_probs.astype(np.float64)).tolist()
    of_tokens: dict[tuple[int, ...], float] = defaultdict(float)
    for path in product(range(len(recognizer.tokens)), repeat=len(rows)):
        tokens = tuple(token for token, _ in groupby(path) if token)
        of_tokens[tokens] += math.prod(row[token] for row, token in zip(rows, path, strict=True))
    of_text: dict[str, float] = defaultdict(float)
    for tokens, probability in of_tokens.items():
        text = recognizer.tokens.decode(tokens)
        of_text[text] = max(of_text[text], probability)
    expected = sorted(of_text.items(), key=lambda item: -item[1])[:25]
    found = recognizer.alternatives(waveform, num_best=25)
    assert [one.text for one in found] == [text for text, _ in expected]
    np.testing.assert_allclose([one.score for one in found], [math.log(each) for _, each in expected], rtol=1e-4)
    assert all([word.text for word in one.words] == one.text.split() for one in found)
    assert all(one.duration == 1700 / RATE for one in found)


def test_the_first_alternative_is_the_transcript_of_beam_search(tmp_path: Path) -> None:
    greedy, beam = (talkative(search=SearchSettings(method=method)) for method in ("greedy", "beam"))
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(16_000), RATE, subtype="FLOAT")
    found = greedy.alternatives(path)
    assert found[0] == beam.transcribe(path)
    assert found == beam.alternatives(path)
    assert len({one.text for one in found}) == 5
    assert [one.text for one in greedy.alternatives(np.zeros(8000, np.float32))] == [""]
    with pytest.raises(SearchError, match="num_best is 0"):
        greedy.alternatives(path, num_best=0)


def test_a_neural_language_model_ranks_alternatives(recognizer: Recognizer) -> None:
    class Short:
        """The shorter a text, the likelier."""

        def check_alphabet(self, alphabet: frozenset[str]) -> None:
            pass

        def score(self, texts: Sequence[str]) -> list[float]:
            return [-float(len(text)) for text in texts]

    search = SearchSettings(method="beam", num_rescored=20, rescoring_weight=100)
    rescored = Recognizer(replace(recognizer.parts, search=search, neural_lm=cast("Any", Short())))
    found = rescored.alternatives(sound(16_000), num_best=20)
    lengths = [len(one.text) for one in found]
    assert lengths == sorted(lengths)
    assert lengths[0] < len(recognizer.alternatives(sound(16_000))[0].text)
    assert found[0].text == rescored.transcribe(sound(16_000)).text


def test_samples_at_another_rate_are_those_of_a_file_of_that_rate(recognizer: Recognizer, tmp_path: Path) -> None:
    samples = sound(22_050)
    path = tmp_path / "a.wav"
    soundfile.write(path, samples, 22_050, subtype="FLOAT")
    expected = replace(recognizer.transcribe(path), source="")
    assert recognizer.transcribe(samples, sample_rate=22_050) == expected
    assert recognizer.transcribe(samples, sample_rate=22_050) != recognizer.transcribe(samples)
    text = recognizer.transcribe(path).text
    aligned = replace(recognizer.align(path, text), source="")
    assert recognizer.align(samples, text, sample_rate=22_050) == aligned


@pytest.mark.parametrize("name", ["transcribe", "transcribe_batch", "align"])
def test_nan_in_a_waveform_is_said_to_be_in_the_sound(recognizer: Recognizer, name: str) -> None:
    broken = sound(8000)
    broken[4000] = float("nan")
    arguments: dict[str, list[Any]] = {
        "transcribe": [broken],
        "transcribe_batch": [[sound(800), broken]],
        "align": [broken, "A DOG"],
    }
    with pytest.raises(AudioError, match=r"the sound: .* NaN or infinite, the first is sample 4000, at 0\.250 s"):
        getattr(recognizer, name)(*arguments[name])


# --- device -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["nonsense", "", "meta", "cuda:9999", "fpga"])
def test_a_device_that_is_not_there_is_named(model_folder: Path, device: str) -> None:
    with pytest.raises(DeviceError, match=re.escape(f"device '{device}' cannot be used (")) as caught:
        Recognizer.load(model_folder, device=device)
    assert "; here there is: cpu" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_cuda_is_refused(model_folder: Path) -> None:
    with pytest.raises(DeviceError, match="device 'cuda' cannot be used"):
        Recognizer.load(model_folder, device="cuda")


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_the_cpu_is_there(model_folder: Path, device: str | torch.device) -> None:
    assert Recognizer.load(model_folder, device=device).model.device == torch.device("cpu")


def test_tokens_and_weights_have_to_fit(recognizer: Recognizer) -> None:
    with pytest.raises(ModelError, match=f"has 8 tokens, the weights are for {len(recognizer.tokens)}"):
        Recognizer(ModelParts(recognizer.engine, char_tokens(["THE CAT"])))
