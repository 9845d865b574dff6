"""The recogniser: the same alone or in a batch, silence, word times, odd input."""

import json
import math
import re
from itertools import pairwise

import numpy as np
import pytest
import soundfile
import torch
from talkative import SAMPLE_RATE as RATE
from talkative import TEXTS, char_tokens, sound, talkative

from asr.errors import AudioError, ModelError, SearchError
from asr.recognizer import SILENCE, Recognizer, _refuse_other_than_waveform
from asr.search import SearchSettings
from asr.tokens import Tokens, TokenSettings


@pytest.fixture(scope="module")
def recognizer():
    return talkative()


# --- transcription ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("search", [SearchSettings(), SearchSettings(method="beam", beam_width=4)], ids=str)
def test_a_batch_of_32_gives_what_each_gives_alone(search):
    recognizer = talkative(search=search)
    lengths = [1, 2, 160, 161, 700, 1600, 3201, 4800, 6400, 8000, 9999, 12_000, 14_400, 16_000, 20_000, 24_000]
    waveforms = [sound(n, seed) for seed, n in enumerate(lengths * 2)]
    waveforms[3], waveforms[20] = torch.zeros(5000), torch.full((3000,), 0.2)
    together, log_probs = recognizer.transcribe_batch(waveforms), recognizer.log_probs(waveforms)
    for waveform, transcript, rows in zip(waveforms, together, log_probs, strict=True):
        alone = recognizer.transcribe(waveform)
        assert transcript.text == alone.text
        assert transcript.duration == alone.duration == len(waveform) / RATE
        assert transcript.score == pytest.approx(alone.score, abs=1e-3)
        assert [(w.text, w.start, w.end) for w in transcript.words] == [(w.text, w.start, w.end) for w in alone.words]
        torch.testing.assert_close(rows, recognizer.log_probs([waveform])[0], rtol=0, atol=1e-4)
    assert len({transcript.text for transcript in together}) > 20  # the texts do depend on the sound


@pytest.mark.parametrize("kind", ["char", "bpe"])
def test_words_are_those_of_the_text_with_times_in_order_inside_the_sound(kind):
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


def test_the_json_view_has_plain_values_and_milliseconds(recognizer):
    transcript = recognizer.transcribe(sound(20_001))
    record = json.loads(json.dumps(transcript.to_json()))
    assert (record["text"], record["score"], record["duration"]) == (transcript.text, transcript.score, 1.25)
    assert [(word["text"], word["start"]) for word in record["words"]] == [
        (word.text, round(word.start, 3)) for word in transcript.words
    ]


def test_files_and_waveforms_give_the_same_and_so_does_a_path_as_text(recognizer, tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, sound(16_000).numpy(), RATE, subtype="FLOAT")
    expected = recognizer.transcribe(sound(16_000))
    assert recognizer.transcribe(path) == recognizer.transcribe(str(path)) == expected
    assert expected.text


def test_a_file_of_one_sample_is_transcribed(recognizer, tmp_path):
    path = tmp_path / "click.wav"
    soundfile.write(path, np.array([0.5]), RATE)
    transcript = recognizer.transcribe(path)
    assert (transcript.text, transcript.words, transcript.duration, transcript.score) == ("", (), 1 / RATE, 0.0)


def test_nothing_to_transcribe(recognizer):
    assert recognizer.transcribe_batch([]) == []
    assert recognizer.log_probs([]) == []
    transcript = recognizer.transcribe(torch.zeros(0))
    assert (transcript.text, transcript.duration) == ("", 0.0)


@pytest.mark.parametrize("waveform", [torch.zeros(1, 400), torch.zeros(400, dtype=torch.int16)])
def test_a_tensor_that_is_no_waveform_is_refused(recognizer, waveform):
    found = f"found a tensor {tuple(waveform.shape)} of {waveform.dtype}, expected a path, or a float tensor (samples,)"
    with pytest.raises(AudioError, match=re.escape(found)):
        recognizer.transcribe(waveform)
    with pytest.raises(AudioError, match=re.escape(found)):
        recognizer.transcribe_batch([sound(800), waveform])


def test_what_is_no_tensor_is_refused():
    with pytest.raises(AudioError, match="found ndarray, expected a path, or a float tensor"):
        _refuse_other_than_waveform(np.zeros(400))


SILENT = {
    "zeros": torch.zeros(8000),
    "offset": torch.full((8000,), 0.3),
    "faint noise": sound(8000, level=0.9 * SILENCE),
    "faint noise on an offset": 0.1 + sound(8000, level=0.5 * SILENCE),
    "one sample": torch.ones(1),
}


@pytest.mark.parametrize("name", SILENT)
def test_silence_is_empty_whatever_the_weights_say_and_also_in_a_batch(name):
    shouting = talkative()
    token = shouting.tokens.encode("A")[-1]
    shouting.model.head.bias.data[token] += 1000
    loud = sound(8000, level=2 * SILENCE)
    first, silent, last = shouting.transcribe_batch([loud, SILENT[name], loud])
    assert silent == shouting.transcribe(SILENT[name])
    assert (silent.text, silent.words, silent.score) == ("", (), 0.0)
    assert first == last == shouting.transcribe(loud)
    assert first.text == "A"


def test_a_waveform_with_nan_is_not_taken_for_silence(recognizer):
    broken = sound(8000)
    broken[100] = float("nan")
    with pytest.raises(SearchError, match="NaN"):
        recognizer.transcribe(broken)


def test_tokens_and_weights_have_to_fit(recognizer):
    with pytest.raises(ModelError, match=f"has 8 tokens, the weights are for {len(recognizer.tokens)}"):
        Recognizer(recognizer.model, char_tokens(["THE CAT"]))
