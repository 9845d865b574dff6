"""The sections of the page, one function each. What a run lacks is left out, with the reason."""

from collections.abc import Callable, Iterable, Sequence
from math import isnan
from statistics import mean

from asr.html.elements import Html, element, paragraph, table, text
from asr.reporting.examples import Change, best, changes, scored, worst
from asr.reporting.numbers import SPACE, count, duration, interval, number, percent
from asr.reporting.run import Run
from asr.scoring import UtteranceScore
from asr.scoring.aligned_html import aligned
from asr.training.diagnosis.gradient_reach import GradientReach, reach_of
from asr.training.run.metrics import EpochRecord

NUM_WORST, NUM_BEST, NUM_CHANGED = 8, 5, 5
OLDER = "it was trained by a version of asr that did not log them"

EPOCH_COLUMNS: Sequence[tuple[str, Callable[[EpochRecord], float], Callable[[float], str]]] = (
    ("train loss", lambda one: one.train_loss, number),
    ("dev loss", lambda one: one.dev_loss, number),
    ("dev WER", lambda one: one.dev_wer, percent),
    ("dev CER", lambda one: one.dev_cer, percent),
    ("learning rate", lambda one: one.learning_rate, number),
    ("gradient norm", lambda one: one.gradient_norm, number),
    ("blanks", lambda one: one.blank_ratio, percent),
    ("x real time", lambda one: one.audio_seconds_per_second, number),
    ("waiting", lambda one: one.share_waiting_for_data, percent),
)


def headline(run: Run) -> Html:
    """Title, how far the training is, and the numbers that matter most."""
    tiles: list[Html] = []
    last = run.metrics[-1]
    if (best_epoch := run.best) is not None:
        tiles.append(_tile(percent(best_epoch.dev_wer), "word error rate on dev", _dev_interval(run, best_epoch)))
        tiles.append(_tile(percent(best_epoch.dev_cer), "character error rate on dev", "of the same epoch"))
        tiles.append(_tile(str(best_epoch.epoch), "best epoch", f"of {last.epoch}"))
    for name in [name for name in run.scores if name.startswith("test")]:
        label = "word error rate on test" + (", language model" if name.endswith("_lm") else "")
        tiles.append(
            _tile(
                percent(run.scores[name]["wer"]),
                label,
                _interval(run.scores[name]["wer_low"], run.scores[name]["wer_high"]),
            )
        )
    if not isnan(last.training_seconds):
        tiles.append(_tile(duration(last.training_seconds), "trained", count(last.epoch, "epoch")))
    missing = [] if run.best else [paragraph(f"No word error rates on dev: {OLDER}.")]
    return element(
        "header",
        element("h1", text(f"Training run {run.name}")),
        paragraph(_state(run)),
        *missing,
        element("div", *tiles, class_="tiles"),
    )


def scores(run: Run) -> Html:
    """The scores of the model after training, on whole sets."""
    if not run.scores:
        return _section(
            "Scores", paragraph("No dev.json or test.json in the run folder: the best model was not tested separately.")
        )
    head = ["", "WER", "95 % interval", "CER", "sub", "del", "ins", "words"]
    rows = [
        [
            name.replace("_lm", ", language model"), percent(score["wer"]),
            interval(score["wer_low"], score["wer_high"]), percent(score["cer"]),
            *(f"{score[key]:.0f}" for key in ("substitutions", "deletions", "insertions", "num_words")),
        ]
        for name, score in run.scores.items()
    ]  # fmt: skip
    return _section("Scores", table(head, rows, "numbers"))


def learning(run: Run, pictures: Html) -> Html:
    """Losses and error rates by epoch, and all of the metrics as a table."""
    has_band = not isnan(run.metrics[-1].dev_wer_low)
    band = "The band is the 95 % interval of the word error rate. " if has_band else ""
    columns = [column for column in EPOCH_COLUMNS if _logged(map(column[1], run.metrics))]
    rows = [[one.epoch, *(show(value(one)) for _, value, show in columns)] for one in run.metrics]
    numbers = element(
        "details",
        element("summary", text(f"All numbers, {count(len(rows), 'epoch')}")),
        table(["epoch", *(name for name, _, _ in columns)], rows, "numbers"),
    )
    explained = "The loss on train is that of augmented sound with dropout, so it may be above the loss on dev."
    return _section("Learning curves", pictures, paragraph(f"▲ marks the best epoch. {band}{explained}"), numbers)


def optimiser(run: Run, pictures: Html) -> Html:
    """Learning rate and gradients by epoch."""
    return _section("Learning rate and gradients", pictures or paragraph(f"Not in this run: {OLDER}."))


def speed(run: Run, pictures: Html) -> Html:
    """How fast the training was, and whether it waited for the data."""
    found = []
    if values := _logged(one.audio_seconds_per_second for one in run.metrics):
        found.append(f"{mean(values):.1f} seconds of sound per second while training, on average")
    if values := _logged(one.share_waiting_for_data for one in run.metrics):
        found.append(f"{percent(mean(values))} of that time was spent waiting for data")
    sentence = "; ".join(found) + "." if found else f"Not in this run: {OLDER}."
    return _section("Speed", paragraph(sentence), pictures)


def blanks(run: Run, pictures: Html) -> Html:
    """How often the model outputs a blank."""
    if not (values := _logged(one.blank_ratio for one in run.metrics)):
        return _section("Blanks", paragraph(f"Not in this run: {OLDER}."))
    sentence = (
        f"In {percent(values[-1])} of the frames of dev the blank is the likeliest token after the last epoch. A CTC "
        "model first learns to say nothing but blanks (near 100 %), then finds the tokens between them."
    )
    return _section("Blanks", paragraph(sentence), pictures)


def reach(measured: GradientReach | None, picture: Html, why_not: str) -> Html:
    """How far gradients reach in time."""
    title = "How far the network looks"
    if measured is None:
        return _section(title, paragraph(f"Not measured: {why_not}."))
    sentence = (
        "How strongly the likeliest token of a frame depends on the recurrent layers' input before and after it: "
        "the norm of its gradient there, the geometric mean over some frames of dev. "
        f"Into the past it {_fall(measured.past, measured.seconds_per_frame)}; into the future it "
        f"{_fall(measured.future, measured.seconds_per_frame)}. "
        "In a network without gates it would vanish or explode along a straight line."
    )
    return _section(title, paragraph(sentence), picture)


def _fall(norms: Sequence[float], seconds_per_frame: float) -> str:
    """How far from the frame its gradient has become small, or that it has not before the utterances end."""
    if not any(norms[:1]):
        return "is zero already at the frame itself"
    if (lag := reach_of(norms)) is not None:
        return f"falls to a hundredth within {lag * seconds_per_frame:.2f}{SPACE}s"
    end, left = f"{(len(norms) - 1) * seconds_per_frame:.2f}{SPACE}s", percent(norms[-1] / norms[0])
    return f"does not fall to a hundredth within the {end} that were measured ({left} are left there)"


def examples(run: Run) -> Html:
    """Utterances of dev: those that changed during training, and the worst and the best of the best epoch."""
    epochs = list(run.examples)
    heard = [scored(example) for example in run.examples[epochs[-1]]] if epochs else []
    utterances = run.dev_predictions or heard
    if not utterances:
        return _section("Examples", paragraph(f"No dev.txt and no examples.jsonl in the run folder: {OLDER}."))
    whole = "all of dev" if run.dev_predictions else f"{count(len(heard), 'utterance')} of dev, evenly spaced"
    legend = "What was said stands above what was heard; S is a substitution, D a deletion, I an insertion."
    parts = [paragraph(legend)]
    if epochs:
        parts += _changed(run, epochs[0], epochs[-1])
        parts += _changed(run, epochs[-2], epochs[-1]) if len(epochs) > 2 else []
    else:
        parts.append(paragraph(f"No examples.jsonl, so no examples that got better or worse: {OLDER}."))
    parts += _listed(f"The worst, of {whole}", worst(utterances, NUM_WORST))
    parts += _listed(f"The best, of {whole}", best(utterances, NUM_BEST))
    return _section("Examples", *parts)


def environment(run: Run) -> Html:
    """The environment of the training; where starts differ, each value in turn."""
    if not run.environment:
        return _section("Environment", paragraph(f"No environment.json in the run folder: {OLDER}."))
    facts: dict[str, list[str]] = {}
    for start in run.environment:
        for key, value in start.items():
            facts.setdefault(key, []).append("not known" if value is None else str(value))
    rows = [[key.replace("_", " "), ", then ".join(dict.fromkeys(values))] for key, values in facts.items()]
    return _section("Environment", table([], rows, "facts"))


def settings(run: Run) -> Html:
    """All settings of the run, by section."""
    if not run.settings:
        return _section("Settings", paragraph("No settings.yaml in the run folder."))
    cards = [
        element("div", element("h3", text(name)), table([], list(values.items()), "facts"), class_="card")
        for name, values in run.settings.items()
    ]
    return _section("Settings", element("div", *cards, class_="cards"))


def _section(title: str, *parts: Html) -> Html:
    return element("section", element("h2", text(title)), *parts)


def _tile(value: str, label: str, more: str) -> Html:
    return element(
        "div", element("strong", text(value)), element("span", text(label)), element("span", text(more)), class_="tile"
    )


def _dev_interval(run: Run, best_epoch: EpochRecord) -> str:
    """As logged; for an older run that of dev.json, if that is the score of the same epoch."""
    if not (isnan(best_epoch.dev_wer_low) or isnan(best_epoch.dev_wer_high)):
        return _interval(best_epoch.dev_wer_low, best_epoch.dev_wer_high)
    score = run.scores.get("dev")
    if score is None or score["wer"] != best_epoch.dev_wer:
        return "interval not logged"
    return _interval(score["wer_low"], score["wer_high"])


def _interval(low: float, high: float) -> str:
    return f"95{SPACE}%: {interval(low, high)}"


def _state(run: Run) -> str:
    """How many epochs are done, and whether the training is finished."""
    done, loop = run.epochs[-1], run.settings.get("training", {})
    most, patience = (int(loop[key]) if loop.get(key, "").isdecimal() else None for key in ("max_epochs", "patience"))
    if most is None:
        return f"{count(done, 'epoch')} done."
    if done >= most:
        return f"All of {count(most, 'epoch')} done."
    if run.best and patience is not None and done - run.best.epoch >= patience:
        return f"Stopped after {done} of {most} epochs: dev did not improve for {count(patience, 'epoch')}."
    return f"{done} of {most} epochs done: still training, or interrupted."


def _changed(run: Run, first: int, last: int) -> list[Html]:
    """Which examples got better and which worse from one epoch to another, and how many."""
    if first == last:
        return []
    found = changes(run.examples[first], run.examples[last])
    better = [change for change in found if change.fewer_errors > 0]
    worse = [change for change in reversed(found) if change.fewer_errors < 0]
    total = len(run.examples[last])
    parts = [
        element("h3", text(f"From epoch {first} to epoch {last}")),
        paragraph(f"Of {count(total, 'utterance')}, {len(better)} got better and {len(worse)} got worse."),
    ]
    for how, some in (("got better", better), ("got worse", worse)):
        cards = [_change(how, change, first, last) for change in some[:NUM_CHANGED]]
        parts.append(element("div", *cards, class_="cards"))
    return parts


def _change(how: str, change: Change, first: int, last: int) -> Html:
    parts = [element("strong", text(f"{change.after.id} {how}"))]
    for epoch, utterance in ((first, change.before), (last, change.after)):
        parts += [paragraph(f"epoch {epoch}: {count(utterance.errors, 'error')}", "id"), aligned(utterance)]
    return element("div", *parts, class_="card")


def _listed(title: str, utterances: list[UtteranceScore]) -> list[Html]:
    heading = element("h3", text(title))
    if not utterances:
        return [heading, paragraph("None: all of them are right.")]
    cards = []
    for utterance in utterances:
        errors = f"{utterance.id}: {count(utterance.errors, 'error')} in {count(utterance.num_words, 'word')}"
        cards.append(element("div", paragraph(errors, "id"), aligned(utterance), class_="card"))
    return [heading, element("div", *cards, class_="cards")]


def _logged(values: Iterable[float]) -> list[float]:
    return [value for value in values if not isnan(value)]
