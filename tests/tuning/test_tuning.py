"""`asr tune` on made-up log-probabilities of real-looking text: what it finds, stores, and refuses."""

import json
import resource
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
import torch

from asr import tuning as tuning_package
from asr.cli.output import print_tuning
from asr.corpus.manifest import Utterance
from asr.errors import LanguageModelError, OutputError, SettingsError
from asr.lm.estimate import estimate_ngrams
from asr.lm.ngram import NGramModel
from asr.model import AcousticModel
from asr.model_folder import ModelParts
from asr.model_settings import ModelSettings
from asr.recognizer import Recognizer
from asr.search import SearchSettings, search_batch
from asr.tokens import Tokens, TokenSettings
from asr.torch_engine import TorchEngine
from asr.tuning import add_language_model, save_tuned, tune
from asr.tuning.trials import Trial, _middle_of_best, _middle_of_equals, _try_widths
from benchmarks.ctc_like import ctc_like_log_probs
from tests.support.command_line import Refusal, manifest

WORDS = ["RED", "READ", "BLUE", "GREEN", "SEVEN", "EIGHT", "NINE", "OF", "THE", "HEARTS"]
GENERATOR = np.random.default_rng(7)
TEXTS = [" ".join(GENERATOR.choice(WORDS, size=GENERATOR.integers(2, 6))) for _ in range(60)]
DEV = [" ".join(GENERATOR.choice(WORDS, size=GENERATOR.integers(2, 6))) for _ in range(12)]

Dev: TypeAlias = tuple[list[Utterance], list[np.ndarray]]  # the fixture `dev`


@pytest.fixture
def tokens() -> Tokens:
    return Tokens.train(TEXTS, TokenSettings())[0]


@pytest.fixture
def folder(tmp_path: Path, tokens: Tokens) -> Path:
    torch.manual_seed(0)
    settings = ModelSettings(conv_channels=2, num_layers=1, hidden_size=8)
    model = AcousticModel(settings, vocab_size=len(tokens), sample_rate=16_000)
    Recognizer(ModelParts(TorchEngine(model), tokens)).save(tmp_path / "model", card="# A model\n\nOf colours.\n")
    return tmp_path / "model"


@pytest.fixture
def dev(tokens: Tokens, monkeypatch: pytest.MonkeyPatch) -> Dev:
    """The dev set, whose log-probabilities are made from its texts."""
    utterances = [
        Utterance(audio_filepath=Path("a.wav"), duration=1.0, text=text, id=str(i)) for i, text in enumerate(DEV)
    ]
    generator = np.random.default_rng(3)
    log_probs = [ctc_like_log_probs(tokens.encode(text), len(tokens), generator) for text in DEV]

    def batches(recognizer: Recognizer, given: list[Utterance]) -> Iterator[tuple[list[int], list[np.ndarray]]]:
        assert given is utterances
        yield [0, 2], [log_probs[0], log_probs[2]]
        yield [1, *range(3, len(DEV))], [log_probs[1], *log_probs[3:]]

    monkeypatch.setattr("asr.tuning.trials.batches_of_log_probs", batches)
    return utterances, log_probs


def save_model(path: Path, texts: Iterable[str], order: int = 2) -> Path:
    estimated = estimate_ngrams((text.split() for text in texts), order=order)
    NGramModel.from_ngrams(estimated.words, estimated.ngrams).save(path)
    return path


def test_a_fitting_language_model_helps_and_is_used_from_then_on(folder: Path, dev: Dev, tmp_path: Path) -> None:
    utterances, log_probs = dev
    lm = save_model(tmp_path / "lm.bin", TEXTS)
    seen = []
    tuning = tune(add_language_model(folder, lm, unit="word"), utterances, progress=lambda *what: seen.append(what))
    assert tuning.helps
    assert tuning.best.word_errors < tuning.without.word_errors
    assert tuning.num_words == sum(len(text.split()) for text in DEV)
    names = {name for name, *_ in seen}
    assert names == {"acoustic model", "trying settings"}
    assert seen[-1][1] == seen[-1][2]
    save_tuned(tuning, folder, dev="dev.jsonl")
    assert (folder / "tuning.png").read_bytes().startswith(b"\x89PNG")
    loaded = Recognizer.load(folder)
    assert (loaded.search, loaded.parts.calibration) == (tuning.best.settings, tuning.recognizer.parts.calibration)
    assert loaded.search.method == "beam"
    assert loaded.decode(log_probs) == tuning.recognizer.decode(log_probs)
    found = [loaded.tokens.decode(best.tokens) for best in loaded.decode(log_probs)]
    expected = search_batch(log_probs, tuning.best.settings, tuning.recognizer.fusion)
    assert found == [loaded.tokens.decode(best[0].tokens) for best in expected]
    card = (folder / "README.md").read_text()
    assert card.startswith("# A model\n\nOf colours.\n")
    save_tuned(tuning, folder, dev="dev.jsonl")
    assert (folder / "README.md").read_text() == card  # not told twice


def test_confidence_is_calibrated(folder: Path, dev: Dev, tmp_path: Path) -> None:
    utterances, _ = dev
    tuning = tune(add_language_model(folder, save_model(tmp_path / "lm.bin", TEXTS), unit="lexicon"), utterances)
    before, after = tuning.calibration_errors
    assert 0 <= after <= before + 0.02


def test_a_language_model_that_does_not_help_is_refused_and_the_model_stays(
    folder: Path, dev: Dev, tmp_path: Path
) -> None:
    utterances, _ = dev
    misleading = save_model(tmp_path / "lm.bin", ["HEARTS HEARTS", "HEARTS"])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    tuning = tune(add_language_model(folder, misleading, unit="lexicon"), utterances)
    assert not tuning.helps
    with pytest.raises(LanguageModelError, match=r"does not help: .* % word errors on dev.jsonl with it"):
        save_tuned(tuning, folder, dev="dev.jsonl")
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "tuning.png"} == before


def test_a_neural_language_model_rescores(
    folder: Path,
    dev: Dev,
    tmp_path: Path,
    tokens: Tokens,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from asr.lm.neural.train import NeuralTrainingSettings, train_neural_lm

    utterances, log_probs = dev
    settings = NeuralTrainingSettings(max_epochs=3)
    neural = train_neural_lm(TEXTS, DEV, tokens, settings, device=torch.device("cpu"))
    neural.save(tmp_path / "rnn.safetensors")
    lm = save_model(tmp_path / "lm.bin", TEXTS)
    recognizer = add_language_model(folder, lm, unit="word", neural_lm=tmp_path / "rnn.safetensors")
    monkeypatch.setattr("asr.tuning.trials._RESCORING_WEIGHTS", (0.0,))
    assert tune(recognizer, utterances).recognizer.parts.neural_lm is None  # a weight of 0 would only cost time
    monkeypatch.setattr("asr.tuning.trials._RESCORING_WEIGHTS", (0.3,))
    tuning = tune(recognizer, utterances)
    save_tuned(tuning, folder, dev="dev.jsonl")
    assert json.loads((folder / "config.json").read_text())["neural_lm"] is True
    loaded = Recognizer.load(folder)
    assert loaded.parts.neural_lm is not None
    assert loaded.decode(log_probs) == tuning.recognizer.decode(log_probs)


def test_a_lexicon_adds_words_that_the_language_model_does_not_know(folder: Path, tmp_path: Path) -> None:
    lm = save_model(tmp_path / "lm.bin", ["RED BLUE"])
    (tmp_path / "words.dic").write_text("GREEN  G R IY N\nGREEN(2)  G R IH N\n\nNINE  N AY N\n")
    recognizer = add_language_model(folder, lm, unit="lexicon", lexicon=tmp_path / "words.dic")
    assert recognizer.parts.lexicon == ("GREEN", "NINE")
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(LanguageModelError, match=r"empty.txt: no words"):
        add_language_model(folder, lm, unit="lexicon", lexicon=tmp_path / "empty.txt")


def test_what_cannot_be_tuned_is_refused(folder: Path, tmp_path: Path, refusal: Refusal) -> None:
    with pytest.raises(SettingsError, match="--unit: unit"):
        add_language_model(folder, save_model(tmp_path / "lm.bin", TEXTS), unit="phrase")
    with pytest.raises(LanguageModelError, match="no language model yet; give one with --lm"):
        add_language_model(folder, None, unit="word")
    lower = save_model(tmp_path / "lower.bin", [text.lower() for text in TEXTS])
    (tmp_path / "dev.jsonl").write_text("")
    assert "can write only 0 of the 10 words" in refusal("tune", folder, tmp_path / "dev.jsonl", "--lm", lower)


def test_the_card_may_be_in_any_encoding(folder: Path, dev: Dev, tmp_path: Path) -> None:
    utterances, _ = dev
    tuning = tune(add_language_model(folder, save_model(tmp_path / "lm.bin", TEXTS), unit="lexicon"), utterances)
    (folder / "README.md").write_bytes("# Modèle\n".encode("latin-1"))
    save_tuned(tuning, folder, dev="dev.jsonl")
    assert (folder / "README.md").read_text().startswith("# Mod\ufffdle\n\n## Language model\n")


@pytest.mark.parametrize("limit", [100, 15_000])
def test_a_disk_that_is_full_in_the_end_leaves_the_model(folder: Path, dev: Dev, tmp_path: Path, limit: int) -> None:
    utterances, _ = dev
    tuning = tune(add_language_model(folder, save_model(tmp_path / "lm.bin", TEXTS), unit="lexicon"), utterances)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(OutputError, match="File too large"):
            save_tuned(tuning, folder, dev="dev.jsonl")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "tuning.png"} == before


def test_dev_sets_that_tell_nothing(folder: Path, wav: Path, tmp_path: Path, refusal: Refusal) -> None:
    lm = save_model(tmp_path / "lm.bin", TEXTS)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    missing = manifest(tmp_path / "missing.jsonl", tmp_path / "gone.wav")
    assert "1 of 1 sound files are missing" in refusal("tune", folder, missing, "--lm", lm)
    assert "no such file" in refusal("tune", folder, tmp_path / "gone.jsonl", "--lm", lm)
    for text, message in [
        ("", "dev have no words"),
        (" ", "dev have no words"),
        ("nichts \u2581 1 RED", "only 1 of the 4 words of dev"),
    ]:
        path = manifest(tmp_path / "dev.jsonl", wav, text=text)
        assert message in refusal("tune", folder, path, "--lm", lm)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "tuning.png"} == before


def test_files_of_another_kind(folder: Path, tmp_path: Path, refusal: Refusal) -> None:
    lm = save_model(tmp_path / "lm.bin", TEXTS)
    (tmp_path / "lm.arpa").write_bytes(lm.read_bytes())
    (tmp_path / "text.bin").write_text("\\data\\\nngram 1=0\n")
    (tmp_path / "lexicon.txt").write_bytes(b"RED\n\xff\n")
    (tmp_path / "rnn.safetensors").write_bytes(b"\xff" * 100)
    dev = tmp_path / "dev.jsonl"
    assert "lm.arpa, line 1: not an ARPA language model" in refusal("tune", folder, dev, "--lm", tmp_path / "lm.arpa")
    assert "text.bin: not a binary language model" in refusal("tune", folder, dev, "--lm", tmp_path / "text.bin")
    assert "lexicon.txt, line 2: not UTF-8" in refusal(
        "tune", folder, dev, "--lm", lm, "--lexicon", tmp_path / "lexicon.txt"
    )
    assert "rnn.safetensors: damaged" in refusal(
        "tune", folder, dev, "--lm", lm, "--rnn-lm", tmp_path / "rnn.safetensors"
    )


def test_the_middle_of_a_plateau_is_better_than_a_lucky_spike() -> None:
    def trial(errors: int) -> Trial:
        return tuning_package.Trial(
            settings=SearchSettings(), word_errors=errors, character_errors=0, seconds_per_frame=0.0
        )

    costs = [[9, 9, 9, 9, 9], [9, 4, 9, 5, 5], [9, 9, 9, 5, 5], [9, 9, 9, 5, 5]]
    assert _middle_of_best([[trial(cost) for cost in row] for row in costs]) in {(2, 4), (3, 4)}


@pytest.mark.parametrize(
    ("errors", "tried"),
    [
        ([90, 80, 70, 70, 70], 256),  # a strong model: what is wide enough stays so
        ([90, 80, 70, 60, 50, 50], 512),
        ([90, 80, 70, 60, 50, 40, 30], 1024),
    ],
)
def test_the_beam_is_widened_while_that_helps(errors: list[int], tried: int) -> None:
    errors_of = dict(zip((16, 32, 64, 128, 256, 512, 1024), errors, strict=False))

    def try_settings(settings: SearchSettings) -> Trial:
        return Trial(settings, errors_of[settings.beam_width], 0, 0.0)

    assert [trial.word_errors for trial in _try_widths(try_settings, SearchSettings())] == errors
    assert list(errors_of)[-1] == tried


def trials(costs: list[list[int]]) -> list[list[Trial]]:
    """Costs in wrong characters."""
    return [[Trial(SearchSettings(), 0, cost, 0.0) for cost in row] for row in costs]


@pytest.mark.parametrize(
    ("costs", "place"),
    [
        ([[5] * 5, [2] * 5, [1] * 5, [3] * 5, [9] * 5], (2, 2)),  # utterances of one word: beta is nothing
        ([[3] * 5] * 5, (2, 2)),
        ([[1] * 9] * 11, (5, 4)),  # means of these are not equal to the last bit
        ([[9, 9, 9, 9], [9, 1, 1, 9], [9, 1, 1, 9], [9, 9, 9, 9]], (1, 1)),
    ],
)
def test_of_equal_places_the_middle_is_taken(costs: list[list[int]], place: tuple[int, int]) -> None:
    assert _middle_of_best(trials(costs)) == place


def test_of_equal_penalties_the_middle_is_taken() -> None:
    [row] = trials([[4, 2, 2, 2, 3]])
    assert _middle_of_equals(row) is row[2]


def test_utterances_of_one_word_leave_beta_in_the_middle_and_say_so(
    folder: Path, tokens: Tokens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The language model knows the ends of no other sentences, so alpha matters; no text has a second word."""
    utterances = [Utterance(Path("a.wav"), 1.0, word, str(i)) for i, word in enumerate(WORDS)]
    generator = np.random.default_rng(3)
    log_probs = [ctc_like_log_probs(tokens.encode(word), len(tokens), generator) for word in WORDS]
    monkeypatch.setattr("asr.tuning.trials.batches_of_log_probs", lambda *_: [(list(range(len(WORDS))), log_probs)])
    lm = save_model(tmp_path / "lm.bin", WORDS)
    tuning = tune(add_language_model(folder, lm, unit="lexicon"), utterances)
    assert not tuning.at_edge
    print_tuning(tuning, folder)
    assert "; every beta does equally well on dev: are its utterances single words?" in capsys.readouterr().out
    assert not tuning.beta_matters
