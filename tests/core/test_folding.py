"""Case and accents do not count in searches."""

from __future__ import annotations

import pytest

from mockehr.core.folding import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Smith", "smith"),
        ("Núñez", "nunez"),
        ("Weiß", "weiss"),
        ("O’Brien", "o'brien"),
        ("Østergaard", "ostergaard"),
        ("Næss", "naess"),
        ("Łódź", "lodz"),
        ("", ""),
    ],
)
def test_folding_strips_case_and_accents(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(folded) == folded
