"""Find the weights of language models on dev, and put them into the model folder: `asr tune`."""

from asr.tuning.model import add_language_model, save_tuned
from asr.tuning.trials import Trial, Tuning, tune

__all__ = ["Trial", "Tuning", "add_language_model", "save_tuned", "tune"]
