"""The language model, from the training transcripts and a text of printed English."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from asr.corpus.manifest import read_manifest
from asr.errors import CorpusError, LanguageModelError
from asr.files import parse_json, read_bytes, write_text
from recipes.english_text import spoken_english
from recipes.stages import say

MIN_COUNTS = (1, 1, 2)  # 3-grams that occur once make up most of the model, and help little


def estimate_language_model(train: Path, text: Path, folder: Path) -> Path:
    """Stage lm: `folder`/lm.bin, a word 3-gram of the transcripts and of `text`, one sentence a line.

    `folder`/lm.json records the text, how much of it was used, and how often each rule of `spoken_english` applied.

    Raises:
        LanguageModelError: the text cannot be read, or nothing in it is clear.
        CorpusError: there is a model of another text.
        OutputError: the files cannot be written.
    """
    from asr.lm.estimate import estimate_ngrams
    from asr.lm.ngram import NGramModel

    file, record = folder / "lm.bin", folder / "lm.json"
    if file.is_file() and record.is_file():
        _check_text(record, text)
        say("lm", f"done before: {file}")
        return file
    say("lm", f"a 3-gram model of {train} and {text}")
    counts: Counter[str] = Counter()
    estimated = estimate_ngrams(_sentences(train, text, counts), order=3, min_counts=MIN_COUNTS, folder=folder)
    NGramModel.from_ngrams(estimated.words, estimated.ngrams).save(file)
    write_text(record, json.dumps({"text": str(text), **counts}, indent=2) + "\n")
    num_unclear = sum(count for name, count in counts.items() if name.startswith("unclear"))
    say("lm", f"{counts['sentences']} sentences of {counts['words']} words; {num_unclear} were unclear and left out")
    return file


def _sentences(train: Path, text: Path, counts: Counter[str]) -> Iterator[Sequence[str]]:
    """The transcripts, then the clear sentences of the text."""
    from asr.lm.text import read_sentences

    yield from (utterance.text.split() for utterance in read_manifest(train))
    for words in read_sentences([text], lambda line, where: spoken_english(line, counts)):
        if words:
            counts["sentences"] += 1
            counts["words"] += len(words)
            yield words


def _check_text(record: Path, text: Path) -> None:
    try:
        made_of = parse_json(read_bytes(record, LanguageModelError))["text"]
    except (ValueError, KeyError, TypeError):
        raise LanguageModelError(f"{record}: not as this recipe has written it; remove it") from None
    if made_of != str(text):
        raise CorpusError(f"{record}: the language model was made of {made_of}; remove it, or give another --data")
