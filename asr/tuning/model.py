"""Put a language model into a model folder: `asr tune`."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from asr.alignment.confidence import Calibration
from asr.errors import LanguageModelError
from asr.files import read_lines
from asr.lm.formats import load_ngram_model
from asr.lm.neural.model import NeuralLM
from asr.pictures import ErrorSurface, save_tuning_picture
from asr.recognizer import Recognizer
from asr.search import FusionSettings
from asr.tokens import Tokens
from asr.torch_engine import default_device
from asr.tuning.trials import Tuning

_CARD_TITLE = "## Language model"


def add_language_model(
    folder: Path,
    language_model: Path | None,
    *,
    unit: str | None = None,
    lexicon: Path | None = None,
    neural_lm: Path | None = None,
) -> Recognizer:
    """The recogniser of a model folder with the given language models (or its own), not tuned yet. By default `unit` is
    that of the model, if it has been tuned before, else `word`.

    `lexicon` has words to allow, the first of each line, as in a pronunciation dictionary. `neural_lm` rescores.

    Raises:
        ModelError, LanguageModelError: a file is broken, or tokens and language model do not fit.
        SettingsError: there is no such unit.
    """
    old = Recognizer.load(folder, device="auto")
    model = old.parts.language_model if language_model is None else load_ngram_model(language_model)
    if model is None:
        raise LanguageModelError(f"{folder}: the model has no language model yet; give one with --lm")
    fusion = FusionSettings.parse({"unit": unit or old.search.fusion.unit}, source="--unit")
    settings = old.search.model_copy(update={"method": "beam", "fusion": fusion})
    if fusion.unit == "token" and lexicon is not None:
        raise LanguageModelError(f"{lexicon}: a language model of tokens takes no lexicon; leave it out")
    words = (
        () if fusion.unit == "token" else old.parts.lexicon if lexicon is None else _read_lexicon(lexicon, old.tokens)
    )
    rescorer = old.parts.neural_lm if neural_lm is None else NeuralLM.load(neural_lm, Tokens, device=default_device())
    parts = replace(old.parts, search=settings, language_model=model, lexicon=tuple(words), neural_lm=rescorer)
    new = Recognizer(replace(parts, calibration=Calibration()))
    _ = new.fusion  # built now, to raise its errors
    return new


def save_tuned(tuning: Tuning, folder: Path, *, dev: str) -> None:
    """Write the recogniser with the best settings back into its folder, with a picture of the trials.

    Raises:
        LanguageModelError: the language model does not help; the folder is left as it was.
        OutputError: the folder cannot be written.
    """
    if not tuning.helps:
        raise LanguageModelError(
            f"the language model does not help: {tuning.percent(tuning.best)} % word errors on {dev} with it, "
            f"{tuning.percent(tuning.without)} % without; {folder} is left as it was. Is it of the same kind of text?"
        )
    _save_picture(folder / "tuning.png", tuning)
    path = folder / "README.md"
    card = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""  # someone may have edited it
    tuning.recognizer.save(folder, card=card.split(_CARD_TITLE)[0].rstrip() + "\n\n" + _card(tuning, dev))


def _read_lexicon(path: Path, tokens: Tokens) -> list[str]:
    """The first word of each line, without the number of a variant: `THE(2)  DH IY` is THE."""
    words = [line.split()[0] for line in read_lines(path, LanguageModelError) if line.strip()]
    if not words:
        raise LanguageModelError(f"{path}: no words; expected one a line")
    words = list(dict.fromkeys(re.sub(r"\(\d+\)$", "", word) for word in words))
    writable = [word for word in words if tokens.alphabet.issuperset(word)]
    if 2 * len(writable) < len(words):
        raise LanguageModelError(
            f"{path}: the model's tokens can write only {len(writable)} of its {len(words)} words; write them as the "
            "training texts are (upper or lower case)"
        )
    return writable


def _save_picture(path: Path, tuning: Tuning) -> None:
    surfaces = [
        ErrorSurface(
            f"{name} grid",
            [row[0].settings.fusion.alpha for row in grid],
            [trial.settings.fusion.beta for trial in grid[0]],
            np.array([[tuning.percent(trial) for trial in row] for row in grid]),
            tuning.place(grid),
        )
        for name, grid in (("coarse", tuning.coarse), ("fine", tuning.fine))
    ]
    widths = {trial.settings.beam_width: tuning.percent(trial) for trial in tuning.widths}
    save_tuning_picture(path, surfaces, widths, without=tuning.percent(tuning.without))


def _card(tuning: Tuning, dev: str) -> str:
    language_model, fusion = tuning.recognizer.parts.language_model, tuning.best.settings.fusion
    assert language_model is not None  # `tune` has refused it
    num_words = len(language_model.vocabulary) - 3
    unknown = f", {fusion.unknown_penalty:.3g} for each letter of an unknown word" if fusion.unit == "word" else ""
    neural = tuning.best.settings.rescoring_weight
    return (
        f"{_CARD_TITLE}\n\n"
        f"{language_model.order}-gram model of {num_words} {'tokens' if fusion.unit == 'token' else 'words'} "
        f"(unit: {fusion.unit}); weight alpha {fusion.alpha:.3g}, bonus beta {fusion.beta:.3g}{unknown}; beam "
        f"{tuning.best.settings.beam_width}{f'; rescored by an LSTM with weight {neural:.3g}' if neural else ''}.\n\n"
        f"Tuned on `{dev}` ({tuning.num_words} words): {tuning.percent(tuning.best)} % word errors with it, "
        f"{tuning.percent(tuning.without)} % without, on the very words that chose the weights, so other data will be "
        f"a little worse. Confidence of words: expected calibration error {tuning.calibration_errors[1]:.3f}, on the "
        "same words.\n"
    )
