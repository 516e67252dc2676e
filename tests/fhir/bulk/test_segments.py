"""Files of NDJSON: cut by lines, equal for equal lines, and forgotten beyond a bound."""

from __future__ import annotations

import pytest

from mockehr.fhir.bulk.job import Segment
from mockehr.fhir.bulk.segments import BUFFER, EMPTY, Shelf, Writer, unpacked


def written(lines: list[bytes], most: int) -> list[Segment]:
    writer = Writer("output", "Patient", 3, most)
    for line in lines:
        writer.add(line)
    return writer.close()


@pytest.mark.parametrize(("count", "most", "sizes"), [(0, 3, []), (3, 3, [3]), (7, 3, [3, 3, 1]), (7, 0, [7])])
def test_files_hold_at_most_so_many_lines(count: int, most: int, sizes: list[int]) -> None:
    lines = [b'{"n":%d}' % n for n in range(count)]
    files = written(lines, most)
    assert [file.note.lines for file in files] == sizes
    assert [file.note.part for file in files] == list(range(1, len(sizes) + 1))
    assert b"".join(unpacked(file.packed) for file in files) == b"".join(line + b"\n" for line in lines)


def test_notes_tell_what_is_in_a_file() -> None:
    lines = [b"x" * 1000 for _ in range(3 * BUFFER // 1000)]
    (file,) = written(lines, 0)
    assert file.note.octets == len(unpacked(file.packed)) == 1001 * len(lines)
    assert file.note.packed == len(file.packed) < file.note.octets
    assert written(lines, 0) == [file]
    assert written([*lines[:-1], b"y" * 1000], 0)[0].note.digest != file.note.digest
    assert unpacked(EMPTY.packed) == b""


def test_a_shelf_forgets_what_was_asked_for_least_lately() -> None:
    def chunk(size: int) -> tuple[Segment, ...]:
        return (Segment(EMPTY.note, b"x" * size),)

    shelf = Shelf(100)
    for name in "abc":
        shelf.put(name, chunk(40))
        assert shelf.get("a") is not None
    assert shelf.get("b") is None
    assert shelf.octets == 80
    shelf.put("d", chunk(1000))
    assert shelf.get("d") is not None, "the newest is kept however large it is"
    assert shelf.octets == 1000
    shelf.put("d", chunk(10))
    assert shelf.octets == 10
    shelf.clear()
    assert (shelf.get("d"), shelf.octets) == (None, 0)
