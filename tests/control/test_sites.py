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


def test_a_site_shows_where_its_vendor_s_own_apis_are_and_what_its_tokens_want() -> None:
    directory = Directory()
    control = Control(directory)
    control.call("site add", name="a", personality="advancedmd")
    shown = control.call("site show", site="a")
    [site] = directory
    assert shown["token_parameters"]["officekey"] == site.personality.office  # type: ignore[attr-defined]
    assert shown["apis"]["ppmdmsg"][0] == "/practicemanager/xmlrpc"


def test_a_site_is_compared_with_environments_that_there_are() -> None:
    control = Control(Directory())
    control.call("site add", name="a", personality="epic")
    assert control.call("site diff", site="a", environment="production")["settings"]
    with pytest.raises(UnknownName, match="nearest: production"):
        control.call("site diff", site="a", environment="prod")


def test_an_area_that_no_heading_has_is_refused_with_the_nearest() -> None:
    control = Control(Directory())
    assert control.call("vendor show", name="athena", area="error")["behaviours"]
    with pytest.raises(UnknownName, match=r"nearest: .*Errors"):
        control.call("vendor show", name="athena", area="eror")
