"""The page on a training: well-formed, whole in one file, true to the metrics, safe for any text, kind to old runs."""

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import asr.reporting.report
from asr.errors import OutputError, ScoringError
from asr.html.elements import Html
from asr.reporting import write_report
from asr.reporting.curves import optimiser_curves, seconds_per_epoch
from asr.reporting.examples import read_listing
from asr.reporting.run import read_run
from asr.scoring import aligned_listing, score
from tests.support.command_line import RunAsr
from tests.support.run_folders import (
    HYPOTHESES,
    METRICS,
    NASTY,
    NEW,
    REFERENCES,
    SCORE,
    everything,
    lines,
    record,
    written,
)
from tests.support.strict_markup import check

PICTURES = {"loss", "error_rate", "learning_rate", "gradient_norm", "speed", "waiting_for_data", "seconds_per_epoch"}
VOID = {"meta"}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A run with no more than the metrics."""
    return written(tmp_path / "run", {"metrics.jsonl": lines(METRICS)})


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with everything, and its page; texts, ids, a setting and its name try to be HTML. Not to be changed."""
    folder = written(tmp_path_factory.mktemp("runs") / "<b>run&", everything())
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def page(full: Path) -> "Page":
    return Page((full / "report.html").read_text(encoding="utf-8"))


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes a second; most tests look at the texts alone."""
    monkeypatch.setattr(asr.reporting.report, "_draw", lambda run, pictures, folder: Html(" ".join(pictures)))


class Page(HTMLParser):
    """Checks the nesting of elements while it reads; keeps tags, attributes, texts of headings, tiles and tables."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.rows: list[list[str]] = []
        self.cell = False
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and data.strip():
            self.texts.append(" ".join(data.split()))
        if {"td", "th"} & set(self.open[-1:]):
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    def after(self, text: str) -> str:
        """The rest of the page from a text on."""
        return self.text[self.text.index(text) :]


def page_of(folder: Path) -> Page:
    path = write_report(folder)
    assert path == folder / "report.html"
    return Page(path.read_text(encoding="utf-8"))


def test_the_numbers_are_those_of_the_metrics(page: Page) -> None:
    tiles = page.text[: page.text.index("Scores")]
    assert tiles.split("\n")[1:] == [  # the title of the page stands before
        "Training run <b>run&", "All of 4 epochs done.",
        "12.50 %", "word error rate on dev", "95 %: 11.10 to 22.20 %",
        "6.25 %", "character error rate on dev", "of the same epoch",
        "3", "best epoch", "of 4",
        "12.50 %", "word error rate on test", "95 %: 7.11 to 13.03 %",
        "8 min 00 s", "trained", "4 epochs",
        "",
    ]  # fmt: skip
    table = page.rows[page.rows.index(next(row for row in page.rows if row[0] == "epoch")) :][:5]
    columns = dict(zip(table[0], zip(*table[1:], strict=True), strict=True))
    assert columns["epoch"] == ("1", "2", "3", "4")
    assert columns["dev WER"] == ("100.00\u00a0%", "25.00\u00a0%", "12.50\u00a0%", "50.00\u00a0%")
    assert columns["train loss"] == ("4", "2", "1.333", "1")
    assert columns["blanks"] == ("81.25\u00a0%",) * 4
    assert ["test", "12.50\u00a0%", "7.11 to 13.03\u00a0%", "6.25\u00a0%", "47", "12", "2", "611"] in page.rows
    assert "82.5 seconds of sound per second while training, on average; 5.00 % of that time" in page.text
    assert [name for name in page.texts if name == "training"] == ["training"]
    assert ["batch", "1, 2"] in page.rows


def test_the_page_needs_nothing_but_itself(page: Page, full: Path) -> None:
    text = (full / "report.html").read_text(encoding="utf-8")
    assert "http" not in re.sub(r"http-equiv", "", text)
    assert {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "embed"} == set()
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids)) > 8
    references = [value for _, attributes in page.tags for key, value in attributes.items() if key in ("href", "src")]
    assert references
    assert all(reference and reference[0] == "#" and reference[1:] in ids for reference in references)
    assert set(re.findall(r"url\(#(.*?)\)", text)) <= set(ids)
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags
    drawn = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg"]
    assert len(drawn) == len(PICTURES) + 1
    assert "prefers-color-scheme: dark" in text
    assert "#000000" not in text


def test_texts_cannot_become_html(page: Page) -> None:
    assert ("script", {}) not in page.tags
    assert not {"b"} & {tag for tag, _ in page.tags}
    assert page.text.count(NASTY) >= 4
    assert ["train", NASTY] in page.rows
    assert ["torch", f"2.11, then {NASTY}"] in page.rows
    assert ["commit", "not known"] in page.rows


def test_examples_that_got_better_and_worse(page: Page) -> None:
    text = page.text
    first = text[text.index("From epoch 1 to epoch 3") : text.index("From epoch 2 to epoch 3")]
    assert "Of 3 utterances, 3 got better and 0 got worse." in first
    assert first.index("u2<") < first.index("u0<") < first.index("u1<")  # 3, 2 and 1 errors fewer
    second = text[text.index("From epoch 2 to epoch 3") : text.index("The worst")]
    assert "Of 3 utterances, 1 got better and 1 got worse." in second
    assert re.findall(r"u(\d)\S* got (\w+)", second) == [("0", "better"), ("1", "worse")]
    assert "epoch 2: 3 errors" in second
    assert "epoch 3: 1 error\n" in second
    listed = text[text.index("The worst, of 3 utterances of dev, evenly spaced") :]
    assert listed.index("u1") < listed.index("u0") < listed.index("u2")  # 1 of 2 wrong, 1 of 3, 1 of 4


def test_the_page_is_well_formed_and_so_is_what_it_would_be_refused_for(
    full: Path, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`strict_markup` reads whatever is written; here, that it refuses what it should."""
    root = check((full / "report.html").read_text(encoding="utf-8"))
    drawings = {svg.get("aria-label"): "".join(svg.itertext()) for svg in root.iter("svg")}
    assert len(drawings) == len(PICTURES) + 1
    assert "CTC loss per token" in drawings["Loss"]
    for broken in ("<p>", "<p></b>", "a & b", '<p class="a">', "<p class=a></p>", "<div/>", "\x1b"):
        monkeypatch.setattr(asr.reporting.report, "_draw", lambda run, pictures, folder, html=broken: Html(html))
        with pytest.raises((ElementTree.ParseError, AssertionError)):
            write_report(old)


@pytest.mark.usefixtures("no_pictures")
def test_control_characters_are_shown_as_their_numbers(old: Path) -> None:
    (old / "examples.jsonl").write_text(
        lines([{"epoch": 1, "id": "u\x1b[31m", "reference": "A\0B", "hypothesis": "\uffff"}])
    )
    text = page_of(old).text
    assert r"u\x1b[31m" in text
    assert r"A\x00B" in text


@pytest.mark.usefixtures("no_pictures")
def test_dev_predictions_come_from_the_listing(tmp_path: Path) -> None:
    full = written(tmp_path / "run", everything())
    utterances = score(REFERENCES, HYPOTHESES, ids=["a: b", "c", "d"]).utterances
    (full / "dev.txt").write_text(aligned_listing(utterances) + "\n")
    found = read_listing(full / "dev.txt")
    assert [(u.id, u.errors) for u in found] == [("a: b", 2), ("c", 0), ("d", 1)]
    assert [u.hypothesis for u in found] == HYPOTHESES
    text = page_of(full).after("The worst, of all of dev")
    assert "a: b: 2 errors in 3 words" in text
    assert text.index("CAT\n·\nD\nSAT\nBAT\nS") < text.index("The best")
    (full / "dev.txt").write_text("x: 1 error in 1 word: 1 sub, 0 del, 0 ins\nREF: A\n")
    with pytest.raises(ScoringError, match=r"dev\.txt, line 3: expected REF: or HYP:"):
        write_report(full)
    (full / "dev.txt").write_text("not a listing\n")
    assert "of 3 utterances of dev" in page_of(full).text


def test_pictures_are_png_files_beside_the_page(full: Path, old: Path) -> None:
    pictures = {path.stem: path.read_bytes() for path in (full / "report").iterdir()}
    assert set(pictures) == {*PICTURES, "blank_ratio"}
    for content in pictures.values():
        assert content[:8] == b"\x89PNG\r\n\x1a\n"
        assert int.from_bytes(content[16:20], "big") == 576  # 4.8 inches
    pages = [write_report(old).read_bytes() for _ in range(2)]
    assert pages[0] == pages[1]
    assert {path.stem for path in (old / "report").iterdir()} == PICTURES


@pytest.mark.usefixtures("no_pictures")
def test_an_old_run_gives_a_page_that_says_what_is_missing(old: Path) -> None:
    page = page_of(old)
    assert "4 epochs done." in page.text
    assert "12.50 %\nword error rate on dev\ninterval not logged" in page.text
    for missing in ("No dev.json", "No dev.txt and no examples.jsonl", "No environment.json", "No settings.yaml"):
        assert missing in page.text
    assert page.after("Blanks").startswith("Blanks\nNot in this run")
    written(old, {"dev.json": json.dumps(SCORE)})
    assert "95 %: 7.11 to 13.03 %" in page_of(old).text[:400]
    written(old, {"dev.json": json.dumps({**SCORE, "wer": 0.3})})  # of another epoch or model
    assert "interval not logged" in page_of(old).text[:400]


def test_epochs_without_some_numbers(old: Path) -> None:
    later = [record(1, 0.5), {**record(2, 0.25), **NEW}, {**record(4, 0.25, dev_loss=0.1), **NEW}]  # resumed, newer asr
    written(old, {"metrics.jsonl": lines(later)})
    run = read_run(old)
    assert run.best is not None
    assert run.best.epoch == 4
    assert seconds_per_epoch(run)[:2] == [30.0, 90.0]
    assert math.isnan(seconds_per_epoch(run)[2])  # epoch 3 is not there
    assert ["1", "–"] in [[row[0], row[-3]] for row in page_of(old).rows if len(row) > 3]
    assert (old / "report" / "blank_ratio.png").exists()
    assert list(optimiser_curves(run)["gradient_norm"].lines) == ["gradient norm"]  # no settings, so no limit


@pytest.mark.filterwarnings("error")
def test_losses_of_zero_are_drawn_too(old: Path) -> None:
    written(old, {"metrics.jsonl": lines([record(1, 0.0, train_loss=0.0, dev_loss=0.0)])})
    assert "0.00 %" in page_of(old).text
    assert (old / "report" / "loss.png").exists()


def test_an_epoch_without_any_numbers(old: Path) -> None:
    written(old, {"metrics.jsonl": '{"epoch": 1}\n\n{"epoch": 3, "dev_loss": NaN, "train_loss": Infinity}\n'})
    assert "No word error rates on dev" in page_of(old).text
    assert not (old / "report").exists()


@pytest.mark.parametrize(
    ("settings", "state"),
    [
        ("max_epochs: 4", "All of 4 epochs done."),
        ("max_epochs: 9\n  patience: 1", "Stopped after 4 of 9 epochs: dev did not improve for 1 epoch."),
        ("max_epochs: 9\n  patience: 2", "4 of 9 epochs done: still training, or interrupted."),
    ],
)
@pytest.mark.usefixtures("no_pictures")
def test_it_says_whether_the_training_is_over(old: Path, settings: str, state: str) -> None:
    (old / "settings.yaml").write_text(f"training:\n  {settings}\n")
    assert page_of(old).texts[2] == state


@pytest.mark.usefixtures("no_pictures")
def test_the_command_line_prints_where_the_page_is(asr: RunAsr, old: Path) -> None:
    result = asr("report", old)
    assert (result.code, result.out, result.err) == (0, f"{old / 'report.html'}\n", "")


def test_a_page_that_cannot_be_written_leaves_the_one_before(old: Path) -> None:
    written(old, {"report": "a file in the way", "report.html": "the page before"})
    with pytest.raises(OutputError, match=r"loss\.png: could not be written: one of the folders above it is a file"):
        write_report(old)
    assert (old / "report.html").read_text() == "the page before"


@pytest.mark.usefixtures("no_pictures")
def test_a_folder_whose_name_is_no_utf8(old: Path) -> None:
    folder = old.rename(old.with_name("r\udcff"))
    assert "Training run r\\udcff" in page_of(folder).text
