import pytest

from mockehr.fhir.validate import check_structure
from mockehr.fhir.validation.narrative import fault_of

OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'


@pytest.mark.parametrize(
    "inner",
    [
        "text",
        "<p>a <b>b</b></p>",
        "<table><tr><td>1</td></tr></table>",
        '<img src="a.png" alt=""/>',
        "a&nbsp;b &amp; &lt; &#160;",
        "<!-- kept --> x",
        '<a href="http://example.org">x</a>',
        "&eacute;",
    ],
)
def test_plain_narratives_are_good(inner):
    assert fault_of(f"{OPEN}{inner}</div>") == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "blank"),
        (5, "blank"),
        ("just text", "well-formed"),
        ("<div>x</div>", "namespace"),
        ('<p xmlns="http://www.w3.org/1999/xhtml">x</p>', "namespace"),
        (f"{OPEN}<p>x</div>", "well-formed"),
        (f"{OPEN}<script>x</script></div>", "script is not allowed"),
        (f"{OPEN}<form>x</form></div>", "form is not allowed"),
        (f"{OPEN}<p onclick='x()'>x</p></div>", "onclick"),
        (f"{OPEN}<a href=' JavaScript:x()'>x</a></div>", "href"),
        (f"{OPEN}  <p/> </div>", "no content"),
        (f"{OPEN}&bogus;</div>", "bogus"),
        (f'<!DOCTYPE div [<!ENTITY a "b">]>{OPEN}&a;</div>', "declarations"),
        (f"{OPEN}x</div><div/>", "well-formed"),
        (f"{OPEN}\ud800</div>", "well-formed"),
    ],
)
def test_what_is_wrong_with_a_narrative_is_said(text, said):
    assert said in fault_of(text)


def test_a_bad_narrative_is_told_at_its_place():
    document = {"resourceType": "Patient", "text": {"status": "generated", "div": "<div>x</div>"}}
    (issue,) = check_structure(document)
    assert (issue.expression, issue.code) == ("Patient.text.div", "value")
    assert "namespace" in issue.text
