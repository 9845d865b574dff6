"""Stage texts: the texts for language models, one file per kind, in the form of the transcripts.

    python -m recipes.english.texts --text books=sentences.txt.xz --text general=general.txt.xz \
        --transcripts train.jsonl --evaluation dev_librispeech.jsonl --evaluation dev_common_voice.jsonl --out text

Numbers and abbreviations are spelled out; sentences that are still unclear are left out, and so are those that share
a passage with an evaluation set (`overlap.py`), and repeated transcripts (many people read the same sentences).
`texts.json` has the counts.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from asr.corpus.manifest import read_manifest
from asr.errors import CorpusError
from asr.files import atomic_path, write_text
from asr.lm.text import read_sentences
from recipes.english.overlap import Passages
from recipes.english_text import spoken_english
from recipes.stages import errors_told, say


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--text", action="append", default=[], metavar="NAME=FILE", help="printed English")
    parser.add_argument("--transcripts", type=Path, action="append", required=True, help="manifest of training speech")
    parser.add_argument("--evaluation", type=Path, action="append", required=True, help="manifest of a set to test on")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    with errors_told("texts"):
        texts = dict(name_and_file(text) for text in arguments.text)
        write_texts(texts, arguments.transcripts, arguments.evaluation, arguments.out)


def write_texts(
    texts: dict[str, Path], transcripts: Sequence[Path], evaluation: Sequence[Path], out: Path
) -> dict[str, Counter[str]]:
    """Write `out`/<name>.txt for each of `texts`, and `out`/transcripts.txt; returns what was counted.

    Raises:
        LanguageModelError, ManifestError: a text or a manifest cannot be read.
        OutputError: a file cannot be written.
    """
    passages = Passages.of_manifests(evaluation)
    counts: dict[str, Counter[str]] = {name: Counter() for name in (*texts, "transcripts")}
    for name, path in texts.items():
        _write(out / f"{name}.txt", _printed(path, counts[name]), passages, counts[name])
    spoken = dict.fromkeys(u.text for path in transcripts for u in read_manifest(path, check_files=False))
    _write(out / "transcripts.txt", (text.split() for text in spoken), passages, counts["transcripts"])
    write_text(out / "texts.json", json.dumps(counts, indent=1) + "\n")
    return counts


def _printed(path: Path, counts: Counter[str]) -> Iterator[Sequence[str]]:
    yield from filter(None, read_sentences([path], lambda line, where: spoken_english(line, counts)))


def _write(path: Path, sentences: Iterable[Sequence[str]], passages: Passages, counts: Counter[str]) -> None:
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for words in sentences:
            if passages.overlap(words):
                counts["overlaps"] += 1
                continue
            file.write(" ".join(words) + "\n")
            counts["sentences"] += 1
            counts["words"] += len(words)
    unclear = sum(count for name, count in counts.items() if name.startswith("unclear"))
    say("texts", f"{path}: {counts['words']} words; {unclear} sentences unclear, {counts['overlaps']} left for tests")


def name_and_file(text: str) -> tuple[str, Path]:
    """Split NAME=FILE.

    Raises:
        CorpusError: it is not of this form.
    """
    name, equals, file = text.partition("=")
    if not (name and equals and file) or name == "transcripts":
        raise CorpusError(f"--text {text}: expected NAME=FILE, with another name than transcripts")
    return name, Path(file)


if __name__ == "__main__":
    main()
