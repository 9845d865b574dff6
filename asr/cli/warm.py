"""Compile the kernels of search, streams and alignment into numba's cache, so that the first search need not wait.

`make` does this after the install; by hand: `python -m asr.cli.warm`. Takes a few seconds, once per machine.
"""

import tempfile
from pathlib import Path


def warm() -> None:
    """Search and align once, with a language model read from a file, whole and as a stream does."""
    import numpy as np

    from asr.alignment.forced_alignment import align_tokens
    from asr.lm.estimate import estimate_ngrams
    from asr.lm.ngram import NGramModel
    from asr.search import Fusion, SearchSettings, search
    from asr.search.decode import start_stream

    pieces = ["<blank>", "<unk>", "\u2581", "A", "B"]
    estimated = estimate_ngrams([["A", "B"], ["B"]], order=2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lm.bin"
        NGramModel.from_ngrams(estimated.words, estimated.ngrams).save(path)
        fusion = Fusion(pieces, NGramModel.load(path))
        log_probs = np.log(np.tile(0.8 * np.eye(5) + 0.04, (2, 1)))
        settings = SearchSettings(method="beam")
        align_tokens(log_probs, search(log_probs, settings, fusion).tokens)
        stream = start_stream(len(pieces), settings, fusion)
        stream.accept(log_probs)
        stream.end_word(pieces.index("\u2581"))
        stream.commit(1)


if __name__ == "__main__":
    warm()
