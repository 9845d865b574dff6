"""Prompts for synthetic speech: sentences of printed English that every voice says exactly as labelled.

    python -m recipes.english.prompts --text sentences.txt.xz --text general.txt.xz \
        --evaluation dev.jsonl --count 300000 --out prompts.txt

They have 5 to 25 words. Speech and label agree because nothing is left to interpret: numbers and abbreviations are
spelled out. Sentences are left out if a word can be either spelled or spoken (NASA), ends in an apostrophe (th'), or
occurs less than three times in all the prompts: rare words are typos, and names of unknown pronunciation. No prompt
shares a passage with an evaluation set (`overlap.py`).
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from asr.errors import CorpusError
from asr.files import read_lines, write_text
from asr.lm.text import read_sentences
from recipes.english.overlap import Passages
from recipes.english_text import spelled_out, words_of
from recipes.stages import errors_told, say

MIN_WORDS, MAX_WORDS = 5, 25
MIN_OCCURRENCES = 3

_SPELLED = re.compile(r"[A-Z]{2,}|\b[B-HJ-NP-Z]\b")  # NASA, U.S., plan B: ambiguous
_ODD_WORD = re.compile(r"[a-z][A-Z]|(?<![A-Za-z])'|'(?![A-Za-z])|[A-Za-z]\.[A-Za-z]|_")
_NUMBER = re.compile(r"\b[A-Z]{2,}\b")
_ASIDE = re.compile(r"\s*(?:--+|\.\.\.+|[()])\s*(?!$)")
_QUOTES = re.compile(r'["\u201c\u201d]')
_SAYABLE = re.compile(r"[A-Z][A-Za-z ,;:!?'-]+[.!?]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", type=Path, action="append", required=True, help="printed English, a sentence a line")
    parser.add_argument("--evaluation", type=Path, action="append", required=True, help="manifest of a set to test on")
    parser.add_argument("--count", type=int, default=300_000, help="of prompts; each text gives as many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    with errors_told("prompts"):
        write_prompts(arguments.text, arguments.evaluation, arguments.out, arguments.count, arguments.seed)


def write_prompts(texts: Sequence[Path], evaluation: Sequence[Path], out: Path, count: int, seed: int) -> None:
    """Stage prompts: `count` of them into `out`, shuffled, one a line; each of `texts` gives the same number.

    Raises:
        LanguageModelError, ManifestError: a text or a manifest cannot be read.
        CorpusError: a text has not enough prompts.
        OutputError: `out` cannot be written.
    """
    passages = Passages.of_manifests(evaluation)
    candidates = {path: sorted(set(_candidates(path, passages))) for path in texts}
    occurrences = Counter(word for prompts in candidates.values() for prompt in prompts for word in words_of(prompt))
    rng, share, chosen = np.random.default_rng(seed), count // len(texts), []
    for path, prompts in candidates.items():
        found = [p for p in prompts if all(occurrences[word] >= MIN_OCCURRENCES for word in words_of(p))]
        if len(found) < share:
            raise CorpusError(f"{path}: has {len(found)} sentences that can be prompts, expected {share} (--count)")
        say("prompts", f"{path}: {share} of {len(found)} sentences that can be prompts")
        chosen += [found[number] for number in rng.choice(len(found), size=share, replace=False)]
    write_text(out, "".join(f"{chosen[number]}\n" for number in rng.permutation(len(chosen))))


def read_prompts(path: Path) -> list[str]:
    """The prompts of a file, as they are to be spoken; `words_of` gives the label of each."""
    prompts = [line for line in read_lines(path, CorpusError) if line]
    if not prompts:
        raise CorpusError(f"{path}: there are no prompts in it; make them with `python -m recipes.english.prompts`")
    return prompts


def sayable(sentence: str) -> str | None:
    """A printed sentence in a form that every voice can say; None if voices might say it differently.

    `"Mr. Bell came in 1868--late!" he said.` -> `Mister Bell came in eighteen sixty eight, late! he said.`
    """
    if _SPELLED.search(sentence):
        return None
    text = spelled_out(sentence, Counter())
    if text is None:
        return None
    text = _NUMBER.sub(lambda match: match[0].lower(), text)
    text = _ASIDE.sub(", ", _QUOTES.sub("", text)).strip(" ,")
    text = re.sub(r"(?:, )?([,.;:!?])(?:[,;:]| ,)*", r"\1", " ".join(text.split()))
    text = text[:1].upper() + text[1:]
    return text if _SAYABLE.fullmatch(text) and not _ODD_WORD.search(text) else None


def _candidates(path: Path, passages: Passages) -> Iterator[str]:
    for (line,) in read_sentences([path], lambda line, where: [line.strip()]):
        if not MIN_WORDS / 2 <= len(line.split()) <= MAX_WORDS:  # spelling out can only add words
            continue
        prompt = sayable(line)
        words = words_of(prompt) if prompt else []
        if prompt and MIN_WORDS <= len(words) <= MAX_WORDS and not passages.overlap(words):
            yield prompt


if __name__ == "__main__":
    main()
