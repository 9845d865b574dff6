"""The example of docs/scoring.md, run as it stands."""

import re
from pathlib import Path

from tests.support.command_line import ROOT, RunAsr

PAGE = (ROOT / "docs/scoring.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The only block of code of a language."""
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def test_the_listing_is_the_one_on_the_page(asr: RunAsr, tmp_path: Path) -> None:
    references, hypotheses = tmp_path / "ref.trn", tmp_path / "hyp.jsonl"
    references.write_text(block("trn"), encoding="utf-8")
    hypotheses.write_text(block("jsonl"), encoding="utf-8")
    result = asr("score", references, hypotheses, "--listing")
    *listing, summary = result.out.splitlines()
    assert "\n".join(listing).strip() == block("text").strip()
    assert summary.startswith("WER 37.50 % [")
    assert result.err.splitlines() == [
        f"asr: {references}: read as trn, with the id in the last parentheses of a line",
        f'asr: {hypotheses}: read as JSON lines, the text in "text"',
    ]


def test_every_option_is_on_the_page(asr: RunAsr) -> None:
    shown = set(re.findall(r"--[a-z-]+", asr("score", "--help").out)) - {"--help", "--spaces", "--optional-words"}
    assert shown <= set(re.findall(r"--[a-z-]+", PAGE))
    assert len(shown) == 17
