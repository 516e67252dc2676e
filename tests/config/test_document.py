from __future__ import annotations

from mockehr.config.document import Document, Finding, refusal, spell, unknown


def test_a_path_is_spelled_as_in_python() -> None:
    assert spell(("quirks", 0, "when", "every")) == "quirks[0].when.every"
    assert spell((0, "a")) == "[0].a"
    assert spell(()) == ""


def test_a_place_without_known_lines_still_names_the_key() -> None:
    assert Document("<call>", {}).place(("a",)) == "<call>: a"


def test_a_refusal_tells_all_findings_in_the_order_of_the_file() -> None:
    document = Document("s.yaml", {}, {(): 1, ("a",): 2, ("b",): 9})
    error = refusal(document, [Finding(("b",), "is late"), Finding(("a",), "is early", "x", ("x", "y"))])
    assert error.problems == ("s.yaml:2: a: is early; nearest: x; valid: x, y", "s.yaml:9: b: is late")
    assert "2 problems" in error.what
    assert error.exit_code == 2


def test_an_unknown_name_brings_the_nearest_and_the_valid_ones() -> None:
    finding = unknown(("use",), "there is no such quirk", "lost-respons", ["slow-reply", "lost-response"])
    assert finding.nearest == "lost-response"
    assert finding.allowed == ("lost-response", "slow-reply")


def test_a_long_list_of_valid_names_is_cut() -> None:
    error = refusal(Document("s.yaml", {}), [Finding((), "no", allowed=tuple(f"n{i:02}" for i in range(30)))])
    assert error.problems[0].endswith("n11 and 18 more")
