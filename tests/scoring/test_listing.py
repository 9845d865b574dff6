"""Listings of errors, compared with text that was aligned by hand."""

from asr.scoring import aligned_listing, marked_line, score, score_utterance, summary_line


def test_listing_aligns_the_words_and_marks_the_errors() -> None:
    result = score(["THE CAT SAT DOWN", "", "A", "OH NO"], ["THE BAT SAT UP DOWN", "OH", "A", "NO"], ids=list("wxyz"))
    assert aligned_listing(result.utterances) == (
        "w: 2 errors in 4 words: 1 sub, 0 del, 1 ins\n"
        "REF: THE CAT SAT ** DOWN\n"
        "HYP: THE BAT SAT UP DOWN\n"
        "         S       I\n"
        "\n"
        "x: 1 error in 0 words: 0 sub, 0 del, 1 ins\n"
        "REF: **\n"
        "HYP: OH\n"
        "     I\n"
        "\n"
        "y: 0 errors in 1 word: 0 sub, 0 del, 0 ins\n"
        "REF: A\n"
        "HYP: A\n"
        "\n"
        "z: 1 error in 2 words: 0 sub, 1 del, 0 ins\n"
        "REF: OH NO\n"
        "HYP: ** NO\n"
        "     D\n"
    )


def test_listing_of_two_empty_texts_shows_both_lines() -> None:
    assert aligned_listing([score_utterance("x", "", "")]) == (
        "x: 0 errors in 0 words: 0 sub, 0 del, 0 ins\nREF:\nHYP:\n"
    )


def test_listing_counts_wide_characters_as_two_columns() -> None:
    lines = aligned_listing([score_utterance("x", "日本 A", "ABC A")]).splitlines()
    assert lines[1:] == ["REF: 日本 A", "HYP: ABC  A", "     S"]
    lines = aligned_listing([score_utterance("x", "A 日本", "A")]).splitlines()
    assert lines[1:] == ["REF: A 日本", "HYP: A ****", "       D"]


def test_listing_breaks_lines_between_words_to_fit_the_width() -> None:
    utterance = score_utterance("x", "THE CAT SAT ON THE MAT", "THE BAT SAT ON THE")
    lines = aligned_listing([utterance], width=len("REF: THE CAT SAT ON")).splitlines()[1:]
    assert lines == [
        *("REF: THE CAT SAT ON", "HYP: THE BAT SAT ON", "         S"),
        *("REF: THE MAT", "HYP: THE ***", "         D"),
    ]
    narrow = aligned_listing([utterance], width=1).splitlines()[1:]
    assert [line for line in narrow if line.startswith("REF")] == [
        f"REF: {word}" for word in utterance.reference.split()
    ]


def test_listing_with_colours_has_the_same_text() -> None:
    utterance = score_utterance("x", "THE CAT SAT", "THE BAT SAT UP")
    colored = aligned_listing([utterance], color=True)
    assert "\x1b[31mBAT\x1b[0m" in colored
    assert "\x1b[35mUP\x1b[0m" in colored
    assert "\x1b" not in aligned_listing([utterance])
    for code in ("\x1b[31m", "\x1b[35m", "\x1b[0m"):
        colored = colored.replace(code, "")
    assert colored == aligned_listing([utterance])


def test_marked_line_reads_without_colours_and_has_them() -> None:
    line = marked_line(score_utterance("x", "THE CAT SAT DOWN ON THAT MAT", "THE BAT SAT OH DOWN ON MAT"))
    assert str(line) == "THE [CAT>BAT] SAT [+OH] DOWN ON [-THAT] MAT"
    styles = {str(line)[span.start : span.end]: span.style for span in line.spans if span.style}
    assert styles == {"[CAT>BAT]": "red", "[+OH]": "magenta", "[-THAT]": "cyan"}
    assert str(marked_line(score_utterance("x", "", ""))) == ""
    assert str(marked_line(score_utterance("x", "[b]A[/b]", "[b]A[/b]"))) == "[b]A[/b]"


def test_summary_line() -> None:
    assert summary_line(score(["A B C D"] * 4, ["A X D E", "A B C D", "A B C D", "A B C D"])).startswith(
        "WER 18.75 % ["
    )
    assert summary_line(score(["A B C D"], ["A X D"])) == (
        "WER 50.00 % [20.64, 272.52] (2 errors in 4 words: 1 sub, 1 del, 0 ins), CER 42.86 %, "
        "1 utterance, 100.0 % with an error"
    )
