"""Settings: what is accepted, how it is read, and what is said about mistakes."""

from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from asr.errors import SettingsError
from asr.settings import Settings, dump_settings, load_settings
from asr.training.settings import ExperimentSettings


class Inner(Settings):
    rate: float = Field(1e-3, gt=0)
    steps: int = 10
    kind: Literal["a", "b"] = "a"


class Outer(Settings):
    name: str
    fast: bool = False
    speeds: tuple[float, ...] = (1.0,)
    inner: Inner = Inner()
    deep: dict[str, Inner] = Field(default_factory=dict)


def load(folder: Path, content: str | bytes, *overrides: str) -> Outer:
    path = folder / "conf.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_settings(Outer, path, list(overrides))


def refusal(folder: Path, content: str | bytes, *overrides: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(folder, content, *overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(folder / "conf.yaml"), "conf.yaml")


# --- what is accepted -------------------------------------------------------------------------------------------------


def test_a_file_with_sections(tmp_path: Path) -> None:
    found = load(tmp_path, "name: x\nspeeds: [0.9, 1, 1.1]\ninner:\n  rate: 2\n  kind: b\n")
    assert found == Outer(name="x", speeds=(0.9, 1.0, 1.1), inner=Inner(rate=2.0, kind="b"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2e-3", 2e-3),
        ("2.0e-3", 2e-3),
        ("2E3", 2e3),
        ("2.e+3", 2e3),
        (".5", 0.5),
        ("1", 1.0),
        ("+1.5", 1.5),
        ("0.0020", 2e-3),
    ],
)
def test_numbers_as_people_write_them(tmp_path: Path, text: str, value: float) -> None:
    assert load(tmp_path, f"name: x\ninner: {{rate: {text}}}").inner.rate == value
    assert load(tmp_path, "name: x", f"inner.rate={text}").inner.rate == value


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "off", "1:30", "010", "2026-01-31", "1_000", "0x1f", "=", "<<", "y"]
)
def test_what_is_more_than_a_word_by_yaml_1_1_is_a_word(tmp_path: Path, word: str) -> None:
    assert load(tmp_path, f"name: {word}").name == word
    assert f"inner.steps: input should be a valid integer, found '{word}'" in refusal(
        tmp_path, f"name: x\ninner: {{steps: {word}}}"
    )


@pytest.mark.parametrize("overrides", [["inner.steps=3"], ["inner={steps: 3}"], ["inner.steps=2", "inner.steps=3"]])
@pytest.mark.parametrize("content", ["name: x", "name: x\ninner:\n", "name: x\ninner: {steps: 7}"])
def test_overrides(tmp_path: Path, content: str, overrides: list[str]) -> None:
    assert load(tmp_path, content, *overrides).inner.steps == 3


def test_overrides_of_other_kinds(tmp_path: Path) -> None:
    found = load(tmp_path, "fast: false", "name=a=b", "fast=true", "speeds=[0.9, 1.1]", "deep.new.steps=3")
    assert found == Outer(name="a=b", fast=True, speeds=(0.9, 1.1), deep={"new": Inner(steps=3)})


def test_byte_order_mark_and_other_line_ends(tmp_path: Path) -> None:
    assert load(tmp_path, b"\xef\xbb\xbfname: x\r\nfast: true\r\n").fast


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Inner().steps = 3  # type: ignore[misc]


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: x\nnmae: y", "conf.yaml: nmae: unknown key"),
        ("name: x\ninner: {stesp: 1}", "conf.yaml: inner.stesp: unknown key"),
        ("name: x\ndeep: {a: {b: 1}}", "conf.yaml: deep.a.b: unknown key"),
        ("fast: true", "conf.yaml: name: missing"),
        ("name: 3", "conf.yaml: name: input should be a valid string, found 3"),
        ("name: x\nfast: 1", "conf.yaml: fast: input should be a valid boolean, found 1"),
        ("name: x\nfast: 'true'", "conf.yaml: fast: input should be a valid boolean, found 'true'"),
        ("name: x\ninner: {steps: 1.5}", "conf.yaml: inner.steps: input should be a valid integer, found 1.5"),
        ("name: x\ninner: {steps: '1'}", "conf.yaml: inner.steps: input should be a valid integer, found '1'"),
        ("name: x\ninner: {rate: '2e-3'}", "conf.yaml: inner.rate: input should be a valid number, found '2e-3'"),
        ("name: x\ninner: {rate: 0}", "conf.yaml: inner.rate: input should be greater than 0, found 0"),
        ("name: x\ninner: {rate: 1e999}", "conf.yaml: inner.rate: input should be a finite number, found inf"),
        ("name: x\ninner: {kind: c}", "conf.yaml: inner.kind: input should be 'a' or 'b', found 'c'"),
        ("name: x\nspeeds: 1.0", "conf.yaml: speeds: input should be a valid array, found 1.0"),
        ("name: x\nspeeds: [1, a]", "conf.yaml: speeds.1: input should be a valid number, found 'a'"),
        ("name: x\ninner: 3", "conf.yaml: inner: input should be an object, found 3"),
        ("name: x\ninner:", "conf.yaml: inner: input should be an object, found None"),
        ("name: 1\nfast: 2", "conf.yaml: name: input should be a valid string, found 1; fast: input"),
        ("name: [" + "x, " * 100 + "]", "conf.yaml: name: input should be a valid string, found ['x', 'x'"),
    ],
)
def test_the_path_of_the_wrong_key_is_named(tmp_path: Path, content: str, message: str) -> None:
    found = refusal(tmp_path, content)
    assert found.startswith(message)
    assert len(found) < 200


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainin.seed=2", "trainin: unknown key; did you mean training?"),
        ("training.sede=2", "training.sede: unknown key; did you mean training.seed?"),
        ("training.dropout=0.1", "training.dropout: unknown key; did you mean model.dropout?"),
        ("learning_rate=0.1", "learning_rate: unknown key; did you mean training.learning_rate?"),
        ("model.num_mels=40", "model.num_mels: unknown key; did you mean model.features.num_mels?"),
        ("search.alhpa=1", "search.alhpa: unknown key; did you mean search.fusion.alpha?"),
        ("augment.rt60=[0.1, 0.2]", "augment.rt60: unknown key; did you mean augment.reverb.rt60?"),
        ("loop.seed=2", "loop: unknown key; did you mean training.seed?"),
        ("augment.snr=[1, 2]", "augment.snr: unknown key; did you mean augment.babble.snr or augment.added_noise.snr?"),
        ("colour=red", "colour: unknown key"),
        ("colour={red: 1}", "colour: unknown key"),
    ],
)
def test_for_an_unknown_key_the_nearest_known_one_is_named_by_its_path(
    tmp_path: Path, override: str, message: str
) -> None:
    (tmp_path / "conf.yaml").write_text("data: {train: a, dev: b}")
    with pytest.raises(SettingsError) as caught:
        load_settings(ExperimentSettings, tmp_path / "conf.yaml", [override])
    assert str(caught.value).endswith(f": {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name: [1, 2\n", "conf.yaml, line 2: not valid YAML: expected ',' or ']'"),
        ("name: x\na: b: c", "conf.yaml, line 2: not valid YAML: mapping values are not allowed here"),
        ("name: x\n\tfast: true", "conf.yaml, line 2: not valid YAML: found character '\\t'"),
        ("name: x\nname: y", "conf.yaml, line 2: not valid YAML: the key 'name' stands twice"),
        ("name: x\ninner:\n  steps: 1\n  steps: 2", "conf.yaml, line 4: not valid YAML: the key 'steps' stands twice"),
        ("name: x\n? [1]\n: 2", "conf.yaml, line 2: not valid YAML: found unhashable key"),
        ("name: !!python/object:os.system x", "conf.yaml, line 1: not valid YAML: could not determine"),
        ("name: !!map [a]", "conf.yaml, line 1: not valid YAML: expected a mapping node"),
        ("name: !!timestamp x", "conf.yaml: not valid YAML: "),
        ("name: !!int x", "conf.yaml: not valid YAML: "),
        ("name: x\nfast: \x07", "conf.yaml, line 2: U+0007 cannot be in YAML"),
        ("name: *x", "conf.yaml, line 1: not valid YAML: found undefined alias"),
        ("[" * 5000, "conf.yaml: not valid YAML: maximum recursion depth"),
        ("name: " + "9" * 5000, "conf.yaml: not valid YAML: Exceeds the limit"),
        ("name: &a [*a]", "conf.yaml, line 1: not valid YAML: with its references"),
        ("name: !!binary aaaa", "conf.yaml: Object of type bytes is not JSON"),
        ("", "conf.yaml: expected a mapping of settings, found NoneType"),
        ("- name", "conf.yaml: expected a mapping of settings, found list"),
        (b"name: \xff", "conf.yaml: not UTF-8 text"),
    ],
)
def test_what_is_not_a_file_of_settings(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert refusal(tmp_path, content).startswith(message)


def test_no_file(tmp_path: Path) -> None:
    for path, message in (
        (tmp_path / "a.yaml", "no such settings file"),
        (tmp_path, "cannot be read (Is a directory)"),
    ):
        with pytest.raises(SettingsError) as caught:
            load_settings(Outer, path)
        assert str(caught.value) == f"{path}: {message}"


LAUGHS = "a: &a [1, 1]\n" + "".join(
    f"{one}: &{one} [*{to}, *{to}]\n" for to, one in pairwise("abcdefghijklmnopqrstuvwxyz")
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('name: !!float ""', "not valid YAML: a tag that does not fit what follows it"),
        ("name: !!bool 3", "not valid YAML: a tag that does not fit what follows it"),
        (LAUGHS, "line 13: not valid YAML: with its references (*name) expanded it has more than 10,000 values"),
        ("name: &a [*a]", "line 1: not valid YAML: with its references"),
        ("name: &a {b: *a}", "line 1: not valid YAML: with its references"),
        ("#" * 2**20 + "\n", "is larger than 1 MiB; expected a file of settings"),
    ],
)
def test_what_would_take_all_memory_or_end_in_a_traceback(tmp_path: Path, content: str, message: str) -> None:
    assert message in refusal(tmp_path, content)


def test_a_device_without_end_is_no_settings_file() -> None:
    with pytest.raises(SettingsError, match="/dev/zero: is larger than 1 MiB"):
        load_settings(Outer, Path("/dev/zero"))
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(Outer, Path("a\0b"))


def test_a_few_references_are_fine(tmp_path: Path) -> None:
    found = load(tmp_path, "name: x\ninner: &a {steps: 3}\ndeep: {b: *a, c: *a}")
    assert found.deep == {"b": Inner(steps=3), "c": Inner(steps=3)}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("inner.steps", "--set inner.steps: expected section.key=value"),
        ("=3", "--set =3: expected section.key=value"),
        (".steps=3", "--set .steps=3: expected section.key=value"),
        ("inner..steps=3", "--set inner..steps=3: expected section.key=value"),
        ("inner.=3", "--set inner.=3: expected section.key=value"),
        ("name.first=x", "--set name.first=x: name is a value, not a section"),
        ("speeds=[1, 2", "--set speeds=[1, 2, line 1: not valid YAML: expected ',' or ']'"),
        ("inner.stesp=3", "conf.yaml with --set inner.stesp=3: inner.stesp: unknown key"),
        ("inner.steps=three", "conf.yaml with --set inner.steps=three: inner.steps: input should be a valid integer"),
        ("inner.steps=", "conf.yaml with --set inner.steps=: inner.steps: input should be a valid integer, found None"),
        ("inner=3", "conf.yaml with --set inner=3: inner: input should be an object, found 3"),
        ("speeds=1.0", "conf.yaml with --set speeds=1.0: speeds: input should be a valid array"),
    ],
)
def test_wrong_overrides(tmp_path: Path, override: str, message: str) -> None:
    assert refusal(tmp_path, "name: x", override).startswith(message)


# --- writing ----------------------------------------------------------------------------------------------------------

ODD_WORDS = [
    "yes",
    "1e3",
    "2e-3",
    "010",
    "~",
    "null",
    "true",
    "1:30",
    "2026-01-31",
    ".5",
    "-",
    "",
    "0x1f",
    "#",
    "a: b",
    "\x85",
    "\u2028",
]


@pytest.mark.parametrize("word", ODD_WORDS)
def test_words_that_look_like_something_else_are_dumped_as_words(tmp_path: Path, word: str) -> None:
    assert load(tmp_path, dump_settings(Outer(name=word))).name == word


@given(
    st.builds(
        Outer,
        name=st.text(st.characters(exclude_categories=["Cs"])),
        fast=st.booleans(),
        speeds=st.lists(st.floats(allow_nan=False, allow_infinity=False)).map(tuple),
        inner=st.builds(
            Inner, rate=st.floats(0, exclude_min=True, allow_infinity=False), steps=st.integers(-(2**63), 2**63)
        ),
    )
)
def test_what_is_dumped_is_loaded_again(tmp_path_factory: pytest.TempPathFactory, settings: Outer) -> None:
    path = tmp_path_factory.getbasetemp() / "dumped.yaml"
    path.write_text(dump_settings(settings), encoding="utf-8", newline="")
    assert load_settings(Outer, path) == settings
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["name"] == settings.name  # other readers agree on words
