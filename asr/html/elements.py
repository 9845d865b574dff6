"""Small pieces of HTML. Texts are escaped here, and nowhere else; what is already HTML is of the type `Html`."""

import html
import re
from collections.abc import Iterable, Sequence
from typing import NewType

Html = NewType("Html", str)

_UNPRINTABLE = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def text(value: object) -> Html:
    """Anything as the text of an element or the value of an attribute; characters that are not allowed in a page (half
    surrogate pairs, control characters) as their numbers."""
    plain = _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), str(value))
    return Html(html.escape(plain.encode("utf-8", "backslashreplace").decode()))


def element(tag: str, *children: Html, **attributes: str) -> Html:
    """`<tag attributes>children</tag>`; a trailing underscore in an attribute's name is removed, as in `class_`."""
    opening = "".join(f' {name.rstrip("_")}="{text(value)}"' for name, value in attributes.items())
    return Html(f"<{tag}{opening}>{''.join(children)}</{tag}>")


def paragraph(words: str, class_: str = "note") -> Html:
    """A sentence or two."""
    return element("p", text(words), class_=class_)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], class_: str = "") -> Html:
    """Rows of texts below a header; the first cell names its row. No header if `head` is empty."""
    cells = [
        element("tr", element("th", text(row[0]), scope="row"), *(element("td", text(value)) for value in row[1:]))
        for row in rows
    ]
    top = element("thead", element("tr", *(element("th", text(name), scope="col") for name in head)))
    body = element("tbody", *cells)
    whole = element("table", top, body, class_=class_) if head else element("table", body, class_=class_)
    return element("div", whole, class_="wide")
