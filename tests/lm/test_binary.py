"""The binary file: what is saved comes back, and no bytes whatever lead a search astray."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asr.errors import LanguageModelError, OutputError
from asr.lm.arpa import read_arpa
from asr.lm.ngram import NGramModel, NGramTable
from tests.support.arpa_oracle import SMALL, WordsAndTables, assert_equal_models, natural_scores, random_models

in_a_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
HEADER = struct.Struct("<8sIIQQQQ")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> NGramModel:
    path = tmp_path_factory.mktemp("lm") / "small.arpa"
    path.write_text(SMALL)
    return read_arpa(path)


@pytest.fixture(scope="module")
def saved(small: NGramModel, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("lm") / "small.bin"
    small.save(path)
    return path.read_bytes()


def load(tmp_path: Path, data: bytes) -> NGramModel:
    path = tmp_path / "lm.bin"
    path.write_bytes(data)
    return NGramModel.load(path)


def with_checksum(data: bytes) -> bytes:
    """The bytes as one who wants to do harm would write them."""
    return data[:12] + struct.pack("<I", zlib.crc32(data[16:])) + data[16:]


@in_a_folder
@given(random_models())
def test_what_is_saved_is_loaded(tmp_path: Path, words_and_tables: WordsAndTables) -> None:
    model = NGramModel.from_ngrams(*words_and_tables)
    model.save(tmp_path / "lm.bin")
    loaded = NGramModel.load(tmp_path / "lm.bin")
    assert_equal_models(loaded, model)
    for ours, given_table in zip(loaded.to_ngrams(), words_and_tables[1], strict=True):
        np.testing.assert_array_equal(ours.words, given_table.words)
        np.testing.assert_array_equal(ours.log_prob, given_table.log_prob)
        np.testing.assert_array_equal(ours.backoff, given_table.backoff)


def test_a_reference_model_survives(real_data: Path, tmp_path: Path) -> None:
    model = read_arpa(real_data / "lm_reference" / "an4_3gram.arpa.gz")
    model.save(tmp_path / "lm.bin")
    assert_equal_models(NGramModel.load(tmp_path / "lm.bin"), model)


def test_searches_are_not_compiled_again_for_a_mapped_file(small: NGramModel, saved: bytes, tmp_path: Path) -> None:
    for ours, mapped in zip(small.tables, load(tmp_path, saved).tables, strict=True):
        assert mapped.flags.writeable  # numba has types of their own for other arrays
        assert mapped.flags.aligned
        assert type(mapped) is type(ours) is np.ndarray


def test_the_layout_is_as_described(small: NGramModel, saved: bytes) -> None:
    """Read with nothing but the description: little-endian whatever the machine."""
    magic, version, checksum, order, num_states, num_arcs, num_bytes = HEADER.unpack_from(saved)
    assert (magic, version, order, num_states, num_arcs) == (b"ASR-LM\r\n", 1, 3, 9, 15)
    assert checksum == zlib.crc32(saved[16:])
    offset = HEADER.size
    sections = [("q", small.num_states)]
    sections += [(kind, array) for kind, array in zip("qfiifi", small.tables, strict=True)]
    for kind, array in sections:
        offset = (offset + 63) // 64 * 64
        assert list(struct.unpack_from(f"<{len(array)}{kind}", saved, offset)) == array.tolist()
        offset += struct.calcsize(f"<{len(array)}{kind}")
    offset = (offset + 63) // 64 * 64
    assert saved[offset:].decode() == "<unk>\n<s>\n</s>\nb\na\nc\n"
    assert len(saved) == offset + num_bytes


def test_a_loaded_model_stays_whole_when_its_file_is_replaced(small: NGramModel, saved: bytes, tmp_path: Path) -> None:
    model = load(tmp_path, saved)
    unigrams = NGramTable(np.array([[0], [1], [2]], np.int32), np.full(3, -1, np.float32), np.zeros(3, np.float32))
    NGramModel.from_ngrams(["<unk>", "<s>", "</s>"], [unigrams]).save(tmp_path / "lm.bin")
    assert natural_scores(model, ["a", "b"]) == natural_scores(small, ["a", "b"])
    assert NGramModel.load(tmp_path / "lm.bin").order == 1


# --- what is refused --------------------------------------------------------------------------------------------------


def test_files_that_are_no_models(saved: bytes, tmp_path: Path) -> None:
    for data, problem in (
        (b"", "the file is empty"),
        (b"ASR-LM\r\n", "not a binary language model"),
        (SMALL.encode() * 10, "not a binary language model"),
        (saved.replace(b"\r\n", b"\n", 1) + b"\0", "not a binary language model"),
        (saved[:8] + b"\2" + saved[9:], "found version 2, expected 1"),
        (saved[:-1], f"found {len(saved) - 1} bytes, expected {len(saved)}"),
        (saved + b"\0", f"found {len(saved) + 1} bytes, expected {len(saved)}"),
        (saved[:24] + b"\xff" * 8 + saved[32:], "the file is damaged or cut short"),
    ):
        with pytest.raises(LanguageModelError, match=f"lm.bin: .*{problem}"):
            load(tmp_path, data)
    with pytest.raises(LanguageModelError, match="no such file"):
        NGramModel.load(tmp_path / "none.bin")
    with pytest.raises(LanguageModelError, match="cannot be read"):
        NGramModel.load(tmp_path)


def test_it_cannot_be_written(small: NGramModel, tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        small.save(tmp_path)


@in_a_folder
@given(st.data())
def test_every_flipped_bit_is_noticed(saved: bytes, tmp_path: Path, data: st.DataObject) -> None:
    position, bit = data.draw(st.integers(0, len(saved) - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(saved)
    changed[position] ^= 1 << bit
    with pytest.raises(LanguageModelError):
        load(tmp_path, bytes(changed))


@in_a_folder
@given(st.binary(max_size=300), st.integers(0, 300))
def test_random_bytes_are_no_model(saved: bytes, tmp_path: Path, tail: bytes, num_kept: int) -> None:
    with pytest.raises(LanguageModelError):
        load(tmp_path, saved[:num_kept] + tail)


FIELDS = {  # what is wrong -> array of LMTables, index, value
    "arcs begin later": ("arc_start", 0, 1),
    "arcs end early": ("arc_start", -1, 14),
    "arcs go back": ("arc_start", 2, 100),
    "fewer unigrams": ("arc_start", 1, 5),
    "no such word": ("arc_word", 14, 6),
    "word below 0": ("arc_word", 6, -1),
    "another unigram": ("arc_word", 3, 4),
    "words not ascending": ("arc_word", 8, 4),
    "NaN": ("arc_log_prob", 5, np.nan),
    "above 0": ("arc_log_prob", 5, 0.5),
    "infinite": ("arc_log_prob", 5, -np.inf),
    "weight": ("backoff", 2, np.inf),
    "weight of nothing": ("backoff", 0, -1),
    "back to itself": ("backoff_state", 1, 1),
    "back to longer ones": ("backoff_state", 1, 5),
    "back to none": ("backoff_state", 4, -1),
    "back from nothing": ("backoff_state", 0, 1),
    "to no state": ("arc_next", 14, 100),
    "to below 0": ("arc_next", 14, -1),
    "to another state": ("arc_next", 1, 2),
    "a state not reached": ("arc_next", 4, 0),
    "the last state not reached": ("arc_next", 10, 0),
}


@pytest.mark.parametrize("name", FIELDS)
def test_graphs_that_would_lead_astray(small: NGramModel, tmp_path: Path, name: str) -> None:
    array, index, value = FIELDS[name]
    changed = getattr(small.tables, array).copy()
    changed[index] = value
    broken = NGramModel(small.vocabulary, small.tables._replace(**{array: changed}), small.num_states)
    broken.save(tmp_path / "lm.bin")
    with pytest.raises(LanguageModelError, match=r"lm\.bin: .* the file is damaged"):
        NGramModel.load(tmp_path / "lm.bin")


@pytest.mark.parametrize("num_states", [[2, 3, 4], [1, 5, 3], [1, 3, 5], [1, 9, -1], [1, 2**62, 4], [], [1, 8]])
def test_numbers_of_states_that_make_no_sense(small: NGramModel, tmp_path: Path, num_states: list[int]) -> None:
    assert small.num_states.tolist() == [1, 4, 4]
    NGramModel(small.vocabulary, small.tables, np.array(num_states, dtype=np.int64)).save(tmp_path / "lm.bin")
    with pytest.raises(LanguageModelError, match=r"lm\.bin: .*the file is damaged"):
        NGramModel.load(tmp_path / "lm.bin")


@in_a_folder
@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4),
    st.sampled_from([1, 4, 8]),
    st.booleans(),
)
def test_no_file_does_harm(
    saved: bytes, tmp_path: Path, changes: list[tuple[int, int]], width: int, only_header: bool
) -> None:
    """Whole numbers changed, and the checksum made right: a model that can be walked, or an error."""
    changed = bytearray(saved)
    for position, value in changes:
        begin = 16 + position % ((HEADER.size if only_header else len(saved)) - 16) // width * width
        changed[begin : begin + width] = int(value).to_bytes(1, "little") + bytes(width - 1)
    try:
        model = load(tmp_path, with_checksum(bytes(changed[: len(saved)])))
    except LanguageModelError as error:
        assert "\n" not in str(error)
        return
    num_words = len(model.vocabulary)
    for state in range(len(model.tables.backoff)):
        for word in range(num_words):
            log_prob, next_state = model.step(state, word)
            assert np.isfinite(log_prob)
            assert 0 <= next_state < len(model.tables.backoff)
    again = NGramModel.from_ngrams(model.vocabulary.words(), model.to_ngrams())
    assert again.num_ngrams == model.num_ngrams
