"""Stage lm: a word 3-gram for each text, weighed by how well it fits dev, made into one and pruned.

    python -m recipes.english.language_model --text text/books.txt --text text/general.txt \
        --text text/transcripts.txt --dev dev.jsonl --out text/lm.bin

Each text's own model stays beside the text, as <name>.bin; `lm.json` beside the result has weights, sizes and
perplexities on dev, before and after pruning.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from asr.corpus.manifest import read_manifest
from asr.files import write_text
from asr.lm.estimate import estimate_ngrams
from asr.lm.interpolate import interpolate, mixture_weights
from asr.lm.ngram import NGramModel
from asr.lm.perplexity import perplexity
from asr.lm.prune import prune_ngrams
from asr.lm.text import read_sentences
from recipes.stages import errors_told, say

PRUNE = 1.5e-7  # leaves 20 MB or less of the texts of the README


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, action="append", required=True, help="a text of the stage texts")
    parser.add_argument("--dev", type=Path, required=True, help="manifest whose texts the weights are to fit")
    parser.add_argument("--prune", type=float, default=PRUNE, help="threshold of entropy pruning")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    with errors_told("lm"):
        make_language_model(arguments.text, arguments.dev, arguments.out, prune=arguments.prune)


def make_language_model(texts: Sequence[Path], dev: Path, out: Path, *, prune: float = PRUNE) -> Path:
    """Write the model to `out`, unless it is there.

    Raises:
        LanguageModelError, ManifestError: a text or the manifest cannot be read.
        OutputError: a file cannot be written.
    """
    if out.is_file():
        say("lm", f"done before: {out}")
        return out
    spoken = [utterance.text.split() for utterance in read_manifest(dev, check_files=False)]
    models = [_estimated(text) for text in texts]
    weights = mixture_weights(models, spoken)
    mixed = interpolate(models, weights)
    words = mixed.vocabulary.words()
    pruned = NGramModel.from_ngrams(words, prune_ngrams(words, mixed.to_ngrams(), prune))
    pruned.save(out)
    shares = {text.stem: round(weight, 4) for text, weight in zip(texts, weights, strict=True)}
    measured = {name: _measured(model, spoken) for name, model in (("mixed", mixed), ("pruned", pruned))}
    num_bytes = out.stat().st_size
    record = {"weights": shares, "prune": prune, "dev": measured, "bytes": num_bytes}
    write_text(out.with_suffix(".json"), json.dumps(record, indent=2) + "\n")
    perplexities = ", ".join(f"{name} {numbers['perplexity']:.0f}" for name, numbers in measured.items())
    say("lm", f"{out}: {num_bytes / 1e6:.1f} MB; perplexity on dev: {perplexities}; weights {shares}")
    return out


def _estimated(text: Path) -> NGramModel:
    """The model of a text: all its 3-grams, since pruning by entropy knows better than a count which ones to keep."""
    file = text.with_suffix(".bin")
    if not file.is_file():
        say("lm", f"a 3-gram model of {text}")
        estimated = estimate_ngrams(read_sentences([text]), order=3, folder=text.parent)
        NGramModel.from_ngrams(estimated.words, estimated.ngrams).save(file)
    return NGramModel.load(file)


def _measured(model: NGramModel, sentences: Sequence[Sequence[str]]) -> dict[str, float]:
    found = perplexity(model, sentences)
    return {
        "perplexity": round(found.with_unknown, 2),
        "num_unknown": found.num_unknown,
        "num_tokens": found.num_tokens,
        "num_ngrams": sum(model.num_ngrams),
    }


if __name__ == "__main__":
    main()
