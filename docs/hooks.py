"""What mkdocs adds to docs/: pages of files that stand elsewhere in the repository, lists, and links that fit both.

A link in Markdown is relative to its file, so that it works where the repository is read. On the site, a link to a file
that has a page leads there, and a link to a module of `asr/` to its place in the API reference. Any other stays as it
is, and fails the strict build.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\[([^\]]+)\]\(([^)#\s]+)(#[^)\s]*)?\)")
DECISIONS = sorted(path.name for path in (ROOT / "docs/decisions").glob("*.md"))
RECIPES = sorted(path.parent.name for path in (ROOT / "recipes").glob("*/README.md"))
# Files outside docs/ that have a page.
PAGES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/README.md": "benchmarks/index.md",
    **{f"recipes/{name}/README.md": f"recipes/{name}.md" for name in RECIPES},
}
# Folders that have one: a list of what is in them.
LISTS = {
    "docs/decisions": ("decisions/index.md", "Decisions", DECISIONS),
    "recipes": ("recipes/index.md", "Recipes", [f"{name}.md" for name in RECIPES]),
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the pages of a list in place of its `folder/*` in the navigation."""
    lists = {posixpath.dirname(page) + "/*": [page, *_beside(page, names)] for page, _, names in LISTS.values()}
    assert config.nav is not None
    config.nav = _expanded(config.nav, lists)
    return config


def _expanded(nav: Any, lists: dict[str, list[str]]) -> Any:
    if isinstance(nav, list):
        return [_expanded(entry, lists) for entry in nav]
    if isinstance(nav, dict):
        return {title: _expanded(entry, lists) for title, entry in nav.items()}
    return lists.get(nav, nav)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    sources = {page: source for source, page in PAGES.items()}
    for page, heading, names in LISTS.values():
        paths = zip(names, _beside(page, names), strict=True)
        entries = [(name, sources.get(path, f"docs/{path}")) for name, path in paths]
        lines = [f"- [{_title(ROOT / source)}]({name})\n" for name, source in entries]
        files.append(File.generated(config, page, content=f"# {heading}\n\n{''.join(lines)}"))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let the links lead to pages of the site."""
    path = page.file.src_uri
    if path in (place for place, _, _ in LISTS.values()):
        return markdown  # made here, with links of the site
    sources = {place: source for source, place in PAGES.items()}
    source = sources.get(path, f"docs/{path}")
    return LINK.sub(lambda match: _link(match, source, path), markdown)


def _link(match: re.Match[str], source: str, page: str) -> str:
    text, target, anchor = match[1], match[2], match[3] or ""
    if "://" in target or target.startswith("mailto:"):
        return match[0]
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if re.fullmatch(r"asr(/\w+)*(\.py)?", target) and (ROOT / target).exists():
        return f"[{text}][{target.removesuffix('.py').replace('/', '.')}]"
    place = PAGES.get(target) or (LISTS[target][0] if target in LISTS else None)
    if place is None and target.startswith("docs/"):
        place = target.removeprefix("docs/")
    if place is None:
        return match[0]
    return f"[{text}]({posixpath.relpath(place, posixpath.dirname(page))}{anchor})"


def _beside(page: str, names: list[str]) -> list[str]:
    return [posixpath.join(posixpath.dirname(page), name) for name in names]


def _title(path: Path) -> str:
    return path.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ")
