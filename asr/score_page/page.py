"""The page on the scores of one or more systems, as one file that needs nothing from elsewhere but the sounds.

Texts reach the page as JSON that no text can leave, and the page as the text of its elements; the only script that the
page lets run is its own, by its digest. So what stands in a transcript is shown, and never done.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from asr.html.elements import Html, element, paragraph, table, text
from asr.html.style import STYLE
from asr.scoring import Score, UtteranceScore, WordPair
from asr.scoring.tables import Table

FILTERS = {
    "all": "all",
    "wrong": "with errors",
    "right": "without errors",
    "S": "with substitutions",
    "D": "with deletions",
    "I": "with insertions",
}
ORDERS = {
    "given": "as they came",
    "errors": "most errors first",
    "rate": "highest rate first",
    "long": "longest first",
    "id": "by name",
}


@dataclass(frozen=True, slots=True)
class System:
    """A recogniser, by its name, and its score."""

    name: str
    score: Score


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an utterance beside its texts. `audio`: where its sound lies, as a URL that may be relative to
    the page; `start` and `end`: its place in it, in seconds. `times`: for each system, start and end of each word of
    the hypothesis, in seconds from `start`."""

    speaker: str | None = None
    audio: str | None = None
    start: float | None = None
    end: float | None = None
    times: Sequence[Sequence[tuple[float, float]]] | None = None


def score_page(
    systems: Sequence[System],
    *,
    title: str,
    notes: Sequence[str] = (),
    tables: Iterable[Table] = (),
    facts: Mapping[str, Facts] | None = None,
) -> str:
    """The page. All systems have the same utterances in the same order; `facts` are by their ids; `notes` are said
    below the title, such as the normaliser.

    Raises:
        ValueError: there is no system, or their utterances differ.
    """
    if not systems or len({tuple(u.id for u in system.score.utterances) for system in systems}) != 1:
        raise ValueError("expected one or more systems with the same utterances")
    script, style = f"//<![CDATA[\n{_resource('page.js')}//]]>", STYLE + _resource("page.css")
    head = element(
        "head",
        Html('<meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_policy(script, style)}"/>'),
        element("title", text(title)),
        Html(f"<style>{style}</style>"),
    )
    body = element(
        "body",
        element("main", *_summary(systems, title, notes, tables), *_utterances(systems)),
        Html(f'<script type="application/json" id="data">{_data(systems, facts or {})}</script>'),
        Html(f"<script>{script}</script>"),
    )
    return f'<!DOCTYPE html>\n<html lang="en">{head}{body}</html>\n'


def _resource(name: str) -> str:
    return files("asr.score_page").joinpath(name).read_text(encoding="utf-8")


def _policy(script: str, style: str) -> str:
    digests = (base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (script, style))
    return "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; media-src *".format(*digests)


def _summary(systems: Sequence[System], title: str, notes: Sequence[str], tables: Iterable[Table]) -> list[Html]:
    names = [
        "system",
        "WER",
        "95 % interval",
        "CER",
        "words",
        "substitutions",
        "deletions",
        "insertions",
        "wrong utterances",
    ]
    rows = [_row(system) for system in systems]
    parts = [element("h1", text(title)), *(paragraph(note) for note in notes), table(names, rows, "numbers")]
    found = [
        element("section", element("h2", text(each.title)), table(each.names, each.rows, "numbers")) for each in tables
    ]
    return [*parts, element("div", *found, class_="tables")] if found else parts


def _row(system: System) -> list[object]:
    score = system.score
    interval = f"{100 * score.wer_low:.2f} to {100 * score.wer_high:.2f} %"
    counts = [score.num_words, score.substitutions, score.deletions, score.insertions]
    wrong = f"{score.num_wrong_utterances} of {score.num_utterances}"
    return [system.name, f"{100 * score.wer:.2f} %", interval, f"{100 * score.cer:.2f} %", *counts, wrong]


def _utterances(systems: Sequence[System]) -> list[Html]:
    filters = FILTERS if len(systems) == 1 else FILTERS | {"differ": "on which systems differ"}
    names = {str(number): system.name for number, system in enumerate(systems)}
    search = element("label", text("search"), Html('<input id="query" type="search"/>'), class_="grows")
    choices = [_choice("filter", "show", filters), _choice("order", "order", ORDERS), _choice("system", "of", names)]
    return [
        element("h2", text("Utterances")),
        paragraph("The reference above what was recognised. S: another word, D: a missing word, I: a word too many."),
        element("div", search, *choices, class_="controls", role="search"),
        Html('<p id="count" role="status"></p>'),
        Html("<noscript><p>The utterances need JavaScript; the tables do not.</p></noscript>"),
        Html('<ol id="utterances"></ol><button id="more" type="button">show more</button>'),
    ]


def _choice(id: str, label: str, options: Mapping[str, str]) -> Html:
    choices = [element("option", text(name), value=value) for value, name in options.items()]
    return element("label", text(label), element("select", *choices, id=id))


def _data(systems: Sequence[System], facts: Mapping[str, Facts]) -> str:
    together = zip(*(system.score.utterances for system in systems), strict=True)
    utterances = [_utterance(scores, facts.get(scores[0].id, Facts())) for scores in together]
    data = {"systems": [system.name for system in systems], "utterances": utterances}
    found = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return found.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _utterance(scores: Sequence[UtteranceScore], facts: Facts) -> dict[str, Any]:
    """What `page.js` reads."""
    known = {name: getattr(facts, name) for name in ("speaker", "audio", "start", "end", "times")}
    return {
        "id": scores[0].id,
        **{name: value for name, value in known.items() if value is not None},
        "counts": [[s.num_words, s.substitutions, s.deletions, s.insertions] for s in scores],
        "systems": [[_word(pair) for pair in s.aligned_words()] for s in scores],
    }


def _word(pair: WordPair) -> str | list[str | None]:
    return [pair.reference, pair.hypothesis] if pair.mark or pair.hypothesis is None else pair.hypothesis
