"""From nothing to a word error rate of zero, through the command line alone."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml

from asr import Recognizer
from tests.support.tones import random_texts, word_times, write_corpus


def asr(*arguments: object) -> str:
    command = [sys.executable, "-m", "asr", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_train_transcribe_evaluate_score_on_a_generated_corpus(tmp_path: Path) -> None:
    seen, unseen = random_texts(120, seed=1), random_texts(200, seed=2)
    new = sorted({text for text in unseen if text not in seen})[:20]
    train = write_corpus(tmp_path, "train", seen, seed=1)
    test = write_corpus(tmp_path, "test", new, seed=2)
    conf = tmp_path / "conf.yaml"
    values = {
        "data": {"train": str(train), "dev": str(train)},
        "model": {"subsampling": 4, "conv_channels": 8, "num_layers": 1, "hidden_size": 48, "dropout": 0.0},
        "augment": {"speeds": [1.0], "num_band_masks": 0, "num_time_masks": 0},
        "training": {
            "max_epochs": 24,
            "batch_seconds": 6,
            "learning_rate": 5e-3,
            "warmup_steps": 20,
            "ema_decay": 0.9,
            "num_workers": 0,
        },
    }
    conf.write_text(yaml.safe_dump(values))

    model = Path(asr("train", conf, "--run", tmp_path / "run").strip())
    hypotheses = tmp_path / "hypotheses.jsonl"
    evaluated = json.loads(asr("evaluate", model, test, "--json", "--hypotheses", hypotheses))
    assert evaluated["wer"] == 0
    assert evaluated["num_words"] == sum(len(text.split()) for text in new)
    assert json.loads(asr("score", test, hypotheses, "--json")) == evaluated

    wav = tmp_path / "test" / "test0.wav"
    assert asr("transcribe", model, wav).strip() == new[0]
    recognizer = Recognizer.load(model)
    assert recognizer.transcribe(wav).text == new[0]
    for number, text in enumerate(new):
        wav = tmp_path / "test" / f"test{number}.wav"
        spoken = word_times(text)
        for transcript in (recognizer.transcribe(wav), recognizer.align(wav, text)):
            heard = [(word.start, word.end) for word in transcript.words]
            # The recordings are clean, and there is a pause at each edge of each word.
            np.testing.assert_allclose(heard, spoken, atol=0.03)
