"""References and hypotheses from two files, matched one to one: by id, by the sound's path, or plain text by line."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asr.errors import ScoringError
from asr.messages import named
from asr.scoring.inputs.contents import CTM, STM, TEXT, TRN, Contents, Entry, Fact
from asr.scoring.inputs.read import read_contents
from asr.scoring.inputs.segments import by_recording_alone, entries_by_segment
from asr.scoring.inputs.trn import several_words
from asr.scoring.reference import Reference, parse_reference

REFUSED, DELETED, LEFT_OUT, FIRST, LAST = "refused", "deleted", "left-out", "first", "last"


@dataclass(frozen=True, slots=True)
class Matching:
    """What to do about ids that are not the same on both sides: by default all are refused.

    `missing`: a reference without a hypothesis: "deleted" (all its words are) or "left-out". `extra`: a hypothesis
    without a reference: "left-out". `doubled`: an id that stands twice in a file: the "first" or the "last" counts.
    """

    missing: str = REFUSED
    extra: str = REFUSED
    doubled: str = REFUSED

    def check(self) -> None:
        """Raises ScoringError for a word that is none of these."""
        known = {
            "missing hypotheses": (self.missing, (REFUSED, DELETED, LEFT_OUT)),
            "extra hypotheses": (self.extra, (REFUSED, LEFT_OUT)),
            "doubled ids": (self.doubled, (REFUSED, FIRST, LAST)),
        }
        for name, (found, words) in known.items():
            if found not in words:
                expected = f"{', '.join(words[:-1])} or {words[-1]}"
                raise ScoringError(f"found {found!r} for {name}; expected {expected}")


STRICT = Matching()


@dataclass(frozen=True, slots=True)
class Notation:
    """How references of trn and stm are read (`asr.scoring.reference`)."""

    optional_words: bool = True
    fragments: bool = False


ALL_NOTATION = Notation()


@dataclass(frozen=True, slots=True)
class PairedTexts:
    """References and hypotheses that belong together, in the order of the references; all are equally long.

    `facts` are what the file of references says of each utterance, `times` start and end of each word of a hypothesis,
    in seconds, if the file has them; `notes` say how the files were read and matched.
    """

    ids: tuple[str, ...]
    references: tuple[str | Reference, ...]
    hypotheses: tuple[str, ...]
    facts: tuple[Mapping[str, Fact], ...] = ()
    times: tuple[Sequence[tuple[float, float]], ...] = ()
    notes: tuple[str, ...] = ()


def pair(
    reference_path: Path,
    hypothesis_path: Path,
    *,
    matching: Matching = STRICT,
    notation: Notation = ALL_NOTATION,
    reference_form: str | None = None,
    hypothesis_form: str | None = None,
) -> PairedTexts:
    """Read both files, each in any of the forms of `asr.scoring.inputs`, and match their utterances.

    They are matched by id, or where a file has none or no id is in both, by the path of the sound: by the shortest end
    of it that is unique. A ctm is cut at the segments of an stm; with any other file, stm and ctm are matched by
    recording. Plain text is matched by line, with plain text only. The forms are recognised by content, if None.

    Raises:
        ScoringError: a file cannot be read, one has ids and the other has none, the numbers of lines differ, or ids are
            missing, additional or doubled; names up to ten of those, and their count.
    """
    matching.check()
    references, hypotheses = _read_both(reference_path, hypothesis_path, reference_form, hypothesis_form)
    if (references.form == TEXT) != (hypotheses.form == TEXT):
        raise ScoringError(
            f"{reference_path} is {_named(references)} and {hypothesis_path} is {_named(hypotheses)}, which cannot be "
            "matched: one has ids and the other has none; give two files with ids, or two without"
        )
    if references.form == TEXT and len(references.entries) != len(hypotheses.entries):
        raise ScoringError(
            f"{reference_path} has {len(references.entries)} lines and {hypothesis_path} has "
            f"{len(hypotheses.entries)}; expected one line for each utterance in both, in the same order"
        )
    references, hypotheses = _at_the_same_times(references, hypotheses)
    key = _common_key(references.entries, hypotheses.entries)
    notes = [*references.notes, *hypotheses.notes]
    wanted, given = (_by_key(contents, key, matching.doubled, notes) for contents in (references, hypotheses))
    notes += _unmatched(wanted, given, hypothesis_path, matching)
    kept = [name for name in wanted if matching.missing != LEFT_OUT or name in given]
    heard = [given.get(name) for name in kept]
    return PairedTexts(
        ids=tuple(wanted[name].id or name for name in kept),
        references=tuple(_reference(wanted[name], references, notation, notes) for name in kept),
        hypotheses=tuple("" if entry is None else entry.text for entry in heard),
        facts=tuple(wanted[name].facts for name in kept),
        times=tuple(() if entry is None else entry.times for entry in heard),
        notes=tuple(notes),
    )


def read_texts(path: Path, *, recognised: bool = False) -> dict[str, str]:
    """The texts of a file by id, in order. In plain text the ids are line numbers from "1"; a blank line is an empty
    text.

    `recognised` asks for hypotheses: those in `pred_text`, in a file of JSON lines that has this key.

    Raises:
        ScoringError: if the file is missing, not UTF-8, or of a form that is not read; names the line of broken JSON,
            of a missing or wrong key, or of a doubled id.
    """
    contents = read_contents(path, recognised=recognised)
    found = _by_key(contents, _common_key(contents.entries, ()), REFUSED, [])
    return {name: entry.text for name, entry in found.items()}


def _read_both(
    reference_path: Path, hypothesis_path: Path, reference_form: str | None, hypothesis_form: str | None
) -> tuple[Contents, Contents]:
    """Each by itself; a file that then looks like plain text beside one with ids is read again with these known."""
    references = read_contents(reference_path, form=reference_form)
    hypotheses = read_contents(hypothesis_path, recognised=True, form=hypothesis_form)
    if references.form == TEXT != hypotheses.form and reference_form is None:
        references = read_contents(reference_path, known_ids=_ids(hypotheses))
    if hypotheses.form == TEXT != references.form and hypothesis_form is None:
        hypotheses = read_contents(hypothesis_path, recognised=True, known_ids=_ids(references))
    return references, hypotheses


def _ids(contents: Contents) -> set[str]:
    return {entry.id or entry.source.rpartition("/")[2] for entry in contents.entries if entry.id or entry.source}


def _named(contents: Contents) -> str:
    return {TEXT: "plain text", "json": "JSON lines", "kaldi": "Kaldi's text"}.get(contents.form, contents.form)


def _at_the_same_times(references: Contents, hypotheses: Contents) -> tuple[Contents, Contents]:
    timed = [contents for contents in (references, hypotheses) if contents.form in (STM, CTM)]
    if references.form == STM and hypotheses.form == CTM:
        wanted, given, notes = entries_by_segment(references, hypotheses)
        noted = [*hypotheses.notes, *notes]
        return replace(references, entries=wanted), replace(hypotheses, entries=given, notes=noted)
    if len(timed) == 1:
        one = by_recording_alone(timed[0])
        return (one, hypotheses) if references is timed[0] else (references, one)
    return references, hypotheses


# --- keys -------------------------------------------------------------------------------------------------------------

Key = Callable[[Entry], str]


def _common_key(references: Sequence[Entry], hypotheses: Sequence[Entry]) -> Key:
    """By what both are matched: by paths, if all have one, ids match nothing or are missing, and paths match; else by
    ids, and by the path where there is no id."""
    both = [*references, *hypotheses]
    have_ids, have_sources = all(entry.id is not None for entry in both), all(entry.source for entry in both)
    if have_ids and (not have_sources or _match(references, hypotheses, _own_id)):
        return _own_id
    depth = max(_unique_depth(references), _unique_depth(hypotheses))

    def by_source(entry: Entry) -> str:
        return "/".join(entry.source.split("/")[-depth:])

    if have_sources and _match(references, hypotheses, by_source):
        return by_source
    return lambda entry: by_source(entry) if entry.id is None else entry.id


def _own_id(entry: Entry) -> str:
    return entry.id or ""


def _match(references: Sequence[Entry], hypotheses: Sequence[Entry], key: Key) -> bool:
    return not {key(entry) for entry in references}.isdisjoint(map(key, hypotheses))


def _unique_depth(entries: Sequence[Entry]) -> int:
    """How many of the last parts of their paths distinguish all sounds; at least 1."""
    sources = {tuple(entry.source.split("/")) for entry in entries if entry.source}
    most = max(map(len, sources), default=1)
    return next((d for d in range(1, most) if len({source[-d:] for source in sources}) == len(sources)), most)


def _by_key(contents: Contents, key: Key, doubled: str, notes: list[str]) -> dict[str, Entry]:
    """The entries by key, in order. Refuses doubled ones, or notes which of them counts."""
    found: dict[str, Entry] = {}
    again: dict[str, Entry] = {}
    for entry in contents.entries:
        name = key(entry)
        if name not in found:
            found[name] = entry
        else:
            again.setdefault(name, entry)
            if doubled == LAST:
                found[name] = entry
    if again and doubled == REFUSED:
        name, entry = next(iter(again.items()))
        more = f"; so do {len(again) - 1} more: {named(list(again)[1:])}" if len(again) > 1 else ""
        raise ScoringError(
            f"{contents.where(entry)}: the id {name!r} stands twice, before in line {found[name].line}{more}. Give "
            f"each utterance its own id, or choose with --doubled: {FIRST} or {LAST}"
        )
    if again:
        notes.append(f"{contents.path}: {len(again)} ids stand twice, the {doubled} counts: {named(list(again))}")
    return found


def _unmatched(
    references: dict[str, Entry], hypotheses: dict[str, Entry], hypothesis_path: Path, matching: Matching
) -> list[str]:
    """Refuse ids that stand on one side only, or say what was done about them."""
    problems, notes, ways_out = [], [], []
    without, extra = _not_in(references, hypotheses), _not_in(hypotheses, references)
    if without:
        count = f"{len(without)} of {len(references)} ids of the references are missing"
        if matching.missing == REFUSED:
            problems.append(f"{count}: {named(without)}")
            ways_out.append(f"--missing: {DELETED} or {LEFT_OUT}")
        else:
            done = "their words count as deleted" if matching.missing == DELETED else "they are left out"
            notes.append(f"{hypothesis_path}: {count}, {done}: {named(without)}")
    if extra:
        count = f"{len(extra)} ids are not among the references"
        if matching.extra == REFUSED:
            problems.append(f"{count}: {named(extra)}")
            ways_out.append(f"--extra: {LEFT_OUT}")
        else:
            notes.append(f"{hypothesis_path}: {count}, they are left out: {named(extra)}")
    if problems:
        choice = f"Give {'them' if without else 'the same ids on both sides'}, or choose with {', '.join(ways_out)}"
        raise ScoringError(f"{hypothesis_path}: {'; '.join(problems)}. {choice}")
    return notes


def _not_in(these: Iterable[str], others: dict[str, Entry]) -> list[str]:
    return [name for name in these if name not in others]


def _reference(entry: Entry, contents: Contents, notation: Notation, notes: list[str]) -> str | Reference:
    if contents.form not in (TRN, STM):
        return entry.text
    where, text = contents.where(entry), " " * entry.column + entry.text
    if notation.optional_words and (several := several_words(text)):
        notes.append(f"{where}: {several} is no optional word, as it has a blank; each word counts as it stands")
    return parse_reference(text, where, optional_words=notation.optional_words, fragments=notation.fragments)
