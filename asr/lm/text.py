"""Text for language models: one sentence a line, plain, `.gz` or `.xz`; read line by line, for it may be large.

Words are separated by white space as Unicode has it, so also by U+00A0, U+2028 and U+3000: as in all texts here, those
that are trained on and those that are scored, for no acoustic model writes such a character. KenLM's tools separate
words at ASCII white space only and take "10\u00a0km" for one word. Lines end at line feeds only, here as there.
"""

import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader
from pathlib import Path

from asr.errors import LanguageModelError, system_reason


def split_words(text: str, where: str) -> Sequence[str]:
    """The words of a sentence, separated by white space of any kind; `where` it stands does not matter."""
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
    try:
        with _open(path) as file:
            yield from file
    except FileNotFoundError:
        raise LanguageModelError(f"{path}: no such file") from None
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError) as error:
        form = "xz" if path.suffix == ".xz" else "gzip"
        raise LanguageModelError(f"{path}: not a whole {form} file ({error}); copy or make it again") from None
    except OSError as error:
        raise LanguageModelError(f"{path}: can not be read ({system_reason(error)})") from None


def _open(path: Path) -> gzip.GzipFile | lzma.LZMAFile | BufferedReader:
    if path.suffix == ".gz":
        return gzip.open(path)
    return lzma.open(path) if path.suffix == ".xz" else path.open("rb")
