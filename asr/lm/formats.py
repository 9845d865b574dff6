"""The files of n-gram models, by their names: `.arpa`, `.arpa.gz`, and `.bin`, which loads at once."""

from pathlib import Path

from asr.errors import LanguageModelError
from asr.lm.arpa import read_arpa, write_arpa
from asr.lm.ngram import NGramModel


def load_ngram_model(path: Path) -> NGramModel:
    """Raises LanguageModelError if the file is missing, broken, or has another name."""
    check_name(path)
    return NGramModel.load(path) if path.suffix == ".bin" else read_arpa(path)


def save_ngram_model(model: NGramModel, path: Path) -> None:
    """Raises LanguageModelError if the file has another name, OutputError if it cannot be written."""
    check_name(path)
    if path.suffix == ".bin":
        model.save(path)
    else:
        write_arpa(model, path)


def check_name(path: Path) -> None:
    """Raises LanguageModelError if the name says no kind of language model."""
    if not path.name.endswith((".arpa", ".arpa.gz", ".bin")):
        raise LanguageModelError(f"{path}: expected a name that ends in .arpa, .arpa.gz or .bin")
