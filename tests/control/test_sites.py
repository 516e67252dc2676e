"""What may be asked of sites, and what may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockehr.control.facade import Control
from mockehr.core.errors import UnknownName
from mockehr.sites.directory import Directory


@pytest.mark.parametrize("name", ["", "x" * 10_000, "../generic"])
def test_a_site_is_not_made_of_a_vendor_that_there_is_not(name: str) -> None:
    with pytest.raises(UnknownName, match="personality"):
        Control(Directory()).call("site add", name="a", personality=name)


def test_no_caller_reaches_a_file_of_the_server(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("inherits: generic\ntitle: Own\n")
    directory = Directory()
    with pytest.raises(UnknownName, match="personality"):
        Control(directory).call("site add", name="a", personality=str(tmp_path / "own.yaml"))
    assert len(directory) == 0
    Control(directory).call("site add", name="a", personality="epic")
    assert [site.name for site in directory] == ["a"]
