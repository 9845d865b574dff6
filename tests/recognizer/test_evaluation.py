"""Evaluation: the order of the results, the loss, and texts that the model cannot write."""

from pathlib import Path

import pytest
import soundfile
import torch

import asr.evaluation
from asr.corpus.manifest import Utterance
from asr.errors import ScoringError
from asr.evaluation import evaluate
from asr.recognizer import Recognizer
from tests.support.talkative import SAMPLE_RATE, sound, talkative

TEXTS = ["THE CAT", "A", "", "THE RAT SAT", "THE DOG RAN OUT", "HAT", "A MAT"]


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return talkative()


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    """Not sorted by length, so that batches change the order."""
    found = []
    for number, text in enumerate(TEXTS):
        path = tmp_path / f"{number}.wav"
        num_samples = [16_000, 4000, 8000, 24_000, 30_000, 2000, 12_000][number]
        soundfile.write(path, sound(num_samples, number), SAMPLE_RATE, subtype="FLOAT")
        found.append(Utterance(path, num_samples / SAMPLE_RATE, text, f"u{number}"))
    return found


def loss_of(recognizer: Recognizer, utterances: list[Utterance]) -> float:
    """Per token, each utterance on its own, by torch, and its gradient-free sum by hand."""
    losses, num_tokens = [], 0
    for utterance in utterances:
        waveform = torch.from_numpy(soundfile.read(utterance.audio_filepath, dtype="float32")[0])
        with torch.inference_mode():
            log_probs, num_frames = recognizer.model(waveform[None], torch.tensor([len(waveform)]))
        tokens = torch.tensor(recognizer.tokens.encode(utterance.text), dtype=torch.long)
        losses.append(torch.nn.CTCLoss(reduction="sum")(log_probs[0], tokens, num_frames[0], torch.tensor(len(tokens))))
        num_tokens += len(tokens)
    return float(sum(losses)) / num_tokens


@pytest.mark.parametrize("batch_seconds", [120.0, 2.0])
def test_results_come_in_the_order_of_the_utterances(
    recognizer: Recognizer, utterances: list[Utterance], monkeypatch: pytest.MonkeyPatch, batch_seconds: float
) -> None:
    monkeypatch.setattr(asr.evaluation, "_BATCH_SECONDS", batch_seconds)
    evaluation = evaluate(recognizer, utterances)
    assert [u.id for u in evaluation.score.utterances] == [f"u{number}" for number in range(len(TEXTS))]
    assert [u.reference for u in evaluation.score.utterances] == TEXTS
    hypotheses = [recognizer.transcribe(utterance.audio_filepath).text for utterance in utterances]
    assert [u.hypothesis for u in evaluation.score.utterances] == hypotheses
    assert len(set(hypotheses)) > 4
    assert evaluation.loss == pytest.approx(loss_of(recognizer, utterances), rel=1e-4)


def test_a_text_that_cannot_be_written_is_errors_and_no_loss(
    recognizer: Recognizer, utterances: list[Utterance]
) -> None:
    strange, sayable = utterances[3], utterances[:3]
    strange = Utterance(strange.audio_filepath, strange.duration, "ZZ 99", "strange")
    crammed = Utterance(utterances[5].audio_filepath, utterances[5].duration, "THE CAT SAT ON THE MAT", "crammed")
    evaluation = evaluate(recognizer, [strange, *sayable, crammed])
    assert evaluation.score.utterances[0].errors >= 2
    assert evaluation.score.utterances[0].reference == "ZZ 99"
    assert evaluation.loss == pytest.approx(loss_of(recognizer, sayable), rel=1e-4)


def test_the_blank_ratio_counts_frames_over_all_utterances(
    utterances: list[Utterance], monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = talkative()
    with torch.no_grad():  # blank wherever it would have been token 13
        recognizer.model.head.weight[0] = recognizer.model.head.weight[13]
        recognizer.model.head.bias[0] = recognizer.model.head.bias[13] + 1
    monkeypatch.setattr(asr.evaluation, "_BATCH_SECONDS", 2.0)
    blank = []
    for utterance in utterances:
        waveform = torch.from_numpy(soundfile.read(utterance.audio_filepath, dtype="float32")[0])
        with torch.inference_mode():
            log_probs, _ = recognizer.model(waveform[None], torch.tensor([len(waveform)]))
        blank += [max(range(len(row)), key=row.__getitem__) == 0 for row in log_probs[0].tolist()]
    assert 0.1 < sum(blank) / len(blank) < 0.9
    assert evaluate(recognizer, utterances).blank_ratio == pytest.approx(sum(blank) / len(blank))


def test_silence_is_heard_as_nothing(recognizer: Recognizer, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silent.wav", torch.zeros(8000).numpy(), SAMPLE_RATE)
    silent = Utterance(tmp_path / "silent.wav", 0.5, "THE CAT", "silent")
    evaluation = evaluate(recognizer, [silent])
    assert evaluation.score.utterances[0].hypothesis == ""
    assert (evaluation.score.wer, evaluation.loss, evaluation.blank_ratio) == (1.0, 0.0, 1.0)


def test_nothing_to_evaluate_is_refused(recognizer: Recognizer) -> None:
    with pytest.raises(ScoringError, match="no words"):
        evaluate(recognizer, [])


def test_texts_without_words_are_refused_before_any_sound_is_read(recognizer: Recognizer, tmp_path: Path) -> None:
    nowhere = [Utterance(tmp_path / "nowhere.wav", duration=1.0, text=" ", id="a")]
    with pytest.raises(ScoringError, match="the references have no words"):
        evaluate(recognizer, nowhere)
