"""Every page and every drawing that a test makes is read by a strict parser; browsers forgive, and show half of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import asr.files

VOID = {"meta", "br", "hr", "img", "input", "link", "source"}  # the elements of HTML that never have an end tag


def check(markup: str) -> ElementTree.Element:
    """The root of a page or a drawing that is both XML and HTML: what is nested, closed and escaped well.

    A reader of HTML takes `<p/>` for a start, so only void elements, and those of a drawing, may be written like that.
    """
    root = ElementTree.fromstring(markup)
    drawn = {_name(part) for drawing in root.iter() if _name(drawing) == "svg" for part in drawing.iter()}
    assert set(re.findall(r"<(\w+)[^<>]*/>", markup)) <= VOID | drawn
    return root


def check_all_that_is_written() -> None:
    """From here on, `asr` cannot write HTML or SVG that is not well-formed; to be called before it is imported."""
    write = asr.files.atomic_path

    @contextmanager
    def checked(path: Path) -> Iterator[Path]:
        with write(path) as temporary:
            yield temporary
            if path.suffix in (".html", ".svg"):
                check(temporary.read_text(encoding="utf-8"))

    asr.files.atomic_path = checked


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
