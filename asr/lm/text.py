"""Text for language models: one sentence a line, plain, `.gz` or `.xz`; read line by line, since it may be large.

Words are separated by Unicode white space, which includes U+00A0, U+2028 and U+3000, as in all texts for training and
scoring here, since no acoustic model writes such a character. KenLM's tools split only at ASCII white space and take
"10\u00a0km" for one word. Lines end only at line feeds, here as there.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from asr.errors import LanguageModelError
from asr.files import open_unpacked

_MAX_LINE = 2**26  # bytes of a sentence: ten million words in one line


def split_words(text: str, where: str) -> Sequence[str]:
    """The words of a sentence, separated by white space of any kind; `where` is not used."""
    return text.split()


def read_sentences(
    paths: Sequence[Path], split: Callable[[str, str], Sequence[str]] = split_words
) -> Iterator[Sequence[str]]:
    """The sentences of files, each as `split(line, where)` gives it; a blank line is an empty sentence.

    Raises:
        LanguageModelError: a file is missing, not UTF-8 (names the line), not whole, a manifest, or has no words.
    """
    for path in paths:
        has_words = False
        for number, line in enumerate(_read_lines(path), start=1):
            where = f"{path}, line {number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError:
                raise LanguageModelError(f"{where}: not UTF-8 text; convert the file to UTF-8") from None
            if number == 1 and text.startswith('{"'):
                raise LanguageModelError(f"{where}: JSON, as in a manifest; expected text, one sentence a line")
            words = split(text, where)
            has_words = has_words or len(words) > 0
            yield words
        if not has_words:
            raise LanguageModelError(f"{path}: there are no words in it; expected one sentence a line")


def _read_lines(path: Path) -> Iterator[bytes]:
    with open_unpacked(path, LanguageModelError) as file:
        for number, line in enumerate(iter(lambda: file.readline(_MAX_LINE), b""), start=1):
            if len(line) == _MAX_LINE:
                raise LanguageModelError(
                    f"{path}, line {number}: is longer than {_MAX_LINE // 2**20} MiB; expected one sentence a line"
                )
            yield line
