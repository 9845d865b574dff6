"""The page on scores, in a real browser."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Browser, Page

from asr.score_page.page import Facts, System, score_page
from asr.scoring import Score, score
from asr.scoring.tables import Table
from tests.support.browser import accessibility_violations, chromium, opened
from tests.support.strict_markup import check

HOSTILE = ["</script><script>window.bad=1</script>", "<img src=x onerror=window.bad=1>", "<!--", "&lt;b&gt;", "\ud83d"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def scored(hypotheses: Sequence[str], references: Sequence[str]) -> Score:
    return score(references, hypotheses, ids=[f"talk-{number}" for number in range(1, len(references) + 1)])


REFERENCES = ["THE CAT SAT", "ON A MAT", "SO IT DID", "AND SLEPT"]
FIRST = scored(["THE CAT SAT", "ON THE BIG MAT", "SO DID", "AND WEPT"], REFERENCES)
SECOND = scored(["THE CAT SAT", "ON A MAT", "SO IT DID", "AND SLEPT"], REFERENCES)


def written(folder: Path, *systems: System, facts: dict[str, Facts] | None = None, **options: list[Table]) -> Path:
    content = score_page(systems, title="Two recognisers", notes=["Normaliser: none."], facts=facts, **options)
    check(content)
    path = folder / "page.html"
    path.write_text(content, encoding="utf-8")
    return path


def shown(page: Page) -> list[str]:
    """The ids in the list, in order."""
    return page.locator("#utterances h3").all_text_contents()


def choose(page: Page, control: str, value: str) -> list[str]:
    page.locator(f"#{control}").select_option(value)
    return shown(page)


def test_filters_orders_and_search(browser: Browser, tmp_path: Path) -> None:
    path = written(tmp_path, System("lstm", FIRST), System("gru", SECOND))
    with opened(browser, path) as page:
        assert shown(page) == ["talk-1", "talk-2", "talk-3", "talk-4"]
        assert page.locator("#count").text_content() == "4 utterances"
        assert choose(page, "order", "errors") == ["talk-2", "talk-3", "talk-4", "talk-1"]
        assert choose(page, "order", "rate") == ["talk-2", "talk-4", "talk-3", "talk-1"]
        assert choose(page, "order", "given") == ["talk-1", "talk-2", "talk-3", "talk-4"]
        expected = {"wrong": [2, 3, 4], "right": [1], "S": [2, 4], "D": [3], "I": [2], "differ": [2, 3, 4]}
        for value, numbers in expected.items():
            assert choose(page, "filter", value) == [f"talk-{number}" for number in numbers]
        assert page.locator("#count").text_content() == "3 of 4 utterances"
        assert choose(page, "system", "1") == ["talk-2", "talk-3", "talk-4"]
        assert choose(page, "filter", "wrong") == []
        choose(page, "filter", "all")
        for words, numbers in {"sat": [1], "WEPT": [4], "it did": [3], "so did": [3], "talk-2": [2], "dog": []}.items():
            page.locator("#query").fill(words)
            assert shown(page) == [f"talk-{number}" for number in numbers]


def test_words_and_marks(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, written(tmp_path, System("lstm", FIRST))) as page:
        found = [
            [
                (pair.get_attribute("class"), *pair.locator("bdi").all_text_contents())
                for pair in row.locator(".pair").all()
            ]
            for row in page.locator(".aligned").all()
        ]
        assert found[2] == [("pair ", "SO", "SO"), ("pair D", "IT", "·"), ("pair ", "DID", "DID")]
        assert found[3] == [("pair ", "AND", "AND"), ("pair S", "SLEPT", "WEPT")]
        assert page.locator("tbody tr").first.all_text_contents()[0].startswith("lstm36.36 %")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "query"


def test_what_stands_in_a_text_is_shown_and_never_done(browser: Browser, tmp_path: Path) -> None:
    texts = [text.replace(" ", "\u00a0") for text in HOSTILE]
    result = score(["A"] * len(texts), texts, ids=[f"{number} {text}" for number, text in enumerate(HOSTILE)])
    facts = {u.id: Facts(speaker=u.hypothesis, audio=None) for u in result.utterances}
    table = Table("<b>slices</b>", ["speaker", "<i>"], [[HOSTILE[0], 1]])
    with opened(browser, written(tmp_path, System(HOSTILE[0], result), facts=facts, tables=[table])) as page:
        assert page.evaluate("window.bad") is None
        assert page.locator("#utterances img, #utterances script").count() == 0
        assert "<img src=x onerror=window.bad=1>" in page.locator("#utterances").text_content().replace("\u00a0", " ")
        assert page.locator("h2").first.text_content() == "<b>slices</b>"


@pytest.mark.parametrize("dark", [False, True])
def test_a_screen_reader_finds_its_way(browser: Browser, tmp_path: Path, dark: bool) -> None:
    facts = {"talk-1": Facts(speaker="anna", audio="a.wav")}
    table = Table("Slices", ["speaker", "WER"], [["anna", "3 %"]])
    with opened(
        browser, written(tmp_path, System("lstm", FIRST), System("gru", SECOND), facts=facts, tables=[table]), dark=dark
    ) as page:
        assert accessibility_violations(page) == []
        wrong = page.locator(".pair.S").first
        assert "(substitution)" in str(wrong.text_content())


def test_five_thousand_utterances_are_made_as_they_are_needed(browser: Browser, tmp_path: Path) -> None:
    drawn = random.Random(1)
    references = [" ".join(drawn.choices("ABCDEFGH", k=15)) for _ in range(5000)]
    hypotheses = [text.replace(drawn.choice("ABCDEFGH"), "X") for text in references]
    with opened(browser, written(tmp_path, System("a", scored(hypotheses, references))), width=390) as page:
        assert 40 <= len(shown(page)) <= 120
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        for _ in range(3):
            before = len(shown(page))
            page.locator("#more").scroll_into_view_if_needed()
            page.locator("#utterances h3").nth(before).wait_for(state="attached")
        choose(page, "order", "errors")
        page.locator("#query").fill("talk-4999")
        assert shown(page) == ["talk-4999"]


def test_the_word_that_is_heard_is_marked(browser: Browser, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a b.wav", np.zeros(8000 * 120, np.float32), 8000)
    facts = {"talk-3": Facts(audio="a%20b.wav", start=10.0, end=100.0, times=[[(0.0, 40.0), (40.0, 80.0)]])}
    with opened(browser, written(tmp_path, System("lstm", FIRST), facts=facts)) as page:
        play, heard = page.get_by_label("play talk-3"), page.locator(".pair.heard")
        assert page.get_by_role("button", name="play").count() == 1
        play.click()
        heard.wait_for()
        assert heard.locator("bdi").first.text_content() == "SO"
        page.evaluate("sound.currentTime = 55")
        page.locator(".pair.heard", has_text="DID").wait_for()
        page.evaluate("sound.currentTime = 99.9")
        heard.wait_for(state="detached")
        play.get_by_text("play").wait_for()
        play.click()
        heard.wait_for()
        play.click()
        assert heard.count() == 0


def test_unequal_utterances_are_refused() -> None:
    other = score(["A"], ["A"], ids=["talk-1"])
    for systems in ([], [System("a", FIRST), System("b", other)]):
        with pytest.raises(ValueError, match="same utterances"):
            score_page(systems, title="")
