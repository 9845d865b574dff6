"""A figure -> an SVG drawing within a page."""

import io
import re
from collections.abc import Iterator
from html import escape
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.figure import Figure


def as_svg(figure: Figure, *, name: str) -> str:
    """The figure as an `<svg>` element within a page; it uses the page's font, and its text colour for black.

    `name` has to be unique among the figures of a page: ids are made from it.
    """
    drawn = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(drawn, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = ElementTree.fromstring(drawn.getvalue())
    used = set(re.findall(r"#([\w.]+)", drawn.getvalue()))
    for parent in list(svg.iter()):
        for child in [one for one in parent if _plain(one.tag) in ("metadata", "style")]:
            parent.remove(child)
    for part in svg.iter():
        part.tag = _plain(part.tag)  # an element of a page needs no namespace
        part.attrib = dict(_for_page(part, used))
    label = escape(figure.axes[0].get_title())
    attributes = f'viewBox="{svg.get("viewBox")}" fill="currentColor" role="img" aria-label="{label}"'
    svg.attrib = {}
    return ElementTree.tostring(svg, encoding="unicode").replace("<svg>", f"<svg {attributes}>", 1)


def _plain(name: str) -> str:
    """The name of an element or attribute without the namespace in braces before it."""
    return name.rpartition("}")[2]


def _for_page(part: ElementTree.Element, used: set[str]) -> Iterator[tuple[str, str]]:
    """The attributes of a part of a drawing: in the page's font and colour, with an id only if something refers to it
    (those of groups number the parts of each figure from 1, so that two figures would have the same)."""
    for name, value in part.attrib.items():
        if name == "id" and value not in used:
            continue
        properties = [one.strip() for one in value.split(";")] if name == "style" else [value]
        kept = "; ".join(one for one in properties if one and not one.startswith("font-family:"))
        yield _plain(name), kept.replace("#000000", "currentColor")
