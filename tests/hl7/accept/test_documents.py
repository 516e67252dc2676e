"""Documents in OBX-5: what is left out is guessed, what is cut is put together, what is broken is refused."""

from base64 import b64decode, b64encode
from time import process_time
from typing import Any

import pytest

from mockehr.hl7.accept import accept
from mockehr.hl7.accept.intents import Context, Upsert
from mockehr.hl7.faults import Rejection
from mockehr.hl7.message import Message

AT = 1_767_614_400.0
PDF = b"%PDF-1.4 a file that is long enough to be cut in three pieces %%EOF"
DATA = b64encode(PDF).decode()


def forms(*segments: str) -> list[dict[str, Any]]:
    head = "MSH|^~\\&|LAB|H1|EHR|H2|20260105115959||ORU^R01|M1|P|2.5.1"
    start = [head, "PID|1||42^^^HOSP^MR||Doe^John", "OBR|1||L77^LAB|X^Report^L|||||||||||||||||||||F"]
    accepted = accept(Message("\r".join([*start, *segments, ""]).encode()), Context(AT))
    (report,) = [one for one in accepted.intents if isinstance(one, Upsert) and one.key == "report-1"]
    found: list[dict[str, Any]] = report.resource["presentedForm"]
    return found


def ed(value: str, code: str = "PDF^Scan^L", number: int = 1) -> str:
    return f"OBX|{number}|ED|{code}||{value}||||||F"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (f"^application^pdf^Base64^{DATA}", "application/pdf"),
        (f"^AP^PDF^base64^{DATA}", "application/pdf"),
        (f"^^^^{DATA}", "application/pdf"),
        (f"PDF^^^Base64^{DATA}", "application/pdf"),
        (f"^PDF^^Base64^{DATA}", "application/pdf"),
        (f"^IM^jpeg^Base64^{b64encode(b'x').decode()}", "image/jpeg"),
        (f"^TEXT^plain^Base64^{b64encode(b'x').decode()}", "text/plain"),
        (f"^^^^{b64encode(b'no sign').decode()}", "application/octet-stream"),
    ],
)
def test_the_content_type_is_what_is_said_or_else_what_it_looks_like(value: str, kind: str) -> None:
    (form,) = forms(ed(value))
    assert form["contentType"] == kind
    assert form["title"] == "Scan"


def test_rtf_and_hex_and_plain_text_are_known() -> None:
    rtf = b64encode(b"{\\rtf1\\ansi x}").decode()
    assert forms(ed(f"^^^^{rtf}"))[0]["contentType"] == "application/rtf"
    assert b64decode(forms(ed(f"^application^pdf^Hex^{PDF.hex()}"))[0]["data"]) == PDF
    assert b64decode(forms(ed("^TEXT^plain^A^so it is"))[0]["data"]) == b"so it is"


@pytest.mark.parametrize("mark", ["\\.br\\", "\\X0D0A\\", " ", "\n", "\r\n"])
def test_wrapped_base64_is_unwrapped(mark: str) -> None:
    wrapped = mark.join(DATA[place : place + 20] for place in range(0, len(DATA), 20))
    (form,) = forms(ed(f"^application^pdf^Base64^{wrapped}"))
    assert b64decode(form["data"]) == PDF


def test_a_file_cut_over_several_obx_is_one_file() -> None:
    pieces = [DATA[:30], DATA[30:61], DATA[61:]]
    (form,) = forms(*(ed(f"^application^pdf^Base64^{piece}", number=n) for n, piece in enumerate(pieces, 1)))
    assert b64decode(form["data"]) == PDF


def test_pieces_that_were_encoded_each_for_itself_are_one_file() -> None:
    pieces = [b64encode(PDF[:10]).decode(), b64encode(PDF[10:31]).decode(), b64encode(PDF[31:]).decode()]
    (form,) = forms(*(ed(f"^application^pdf^Base64^{piece}") for piece in pieces))
    assert b64decode(form["data"]) == PDF


def test_two_files_stay_two() -> None:
    assert len(forms(ed(f"^application^pdf^Base64^{DATA}"), ed(f"^application^pdf^Base64^{DATA}"))) == 2
    notes = [ed(f"^TEXT^plain^Base64^{b64encode(text).decode()}") for text in (b"one two three", b"four five six")]
    assert [b64decode(form["data"]) for form in forms(*notes)] == [b"one two three", b"four five six"]
    other = ed(f"^application^pdf^Base64^{b64encode(b'no sign').decode()}", "OTHER^Other^L")
    assert [form["title"] for form in forms(ed(f"^application^pdf^Base64^{DATA}"), other)] == ["Scan", "Other"]


def test_a_pointer_is_a_link() -> None:
    obx = "OBX|1|RP|IMG^Image^L||https://pacs.example.org/1^PACS^IM^jpeg||||||F"
    assert forms(obx) == [{"url": "https://pacs.example.org/1", "contentType": "image/jpeg", "title": "Image"}]


@pytest.mark.parametrize(
    "text", ["{\\rtf1\\ansi A \\b B\\b0 & C ^ D}", "{\\E\\rtf1\\E\\ansi A \\E\\b B\\E\\b0 \\T\\ C \\S\\ D}"]
)
def test_rich_text_is_kept_whether_its_backslashes_are_escaped_or_not(text: str) -> None:
    (form,) = forms(f"OBX|1|FT|N^Note^L||{text}||||||F")
    assert form["contentType"] == "application/rtf"
    assert b64decode(form["data"]) == b"{\\rtf1\\ansi A \\b B\\b0 & C ^ D}"


@pytest.mark.parametrize(
    ("obx", "code", "place"),
    [
        (ed("^application^pdf^Base64^"), 101, "OBX-5"),
        (ed("^application^pdf^UU^00"), 103, "OBX-5"),
        (ed("^application^pdf^Base64^so it is!"), 102, "OBX-5"),
        (ed("^application^pdf^Hex^0x"), 102, "OBX-5"),
        ("OBX|1|RP|IMG||^PACS||||||F", 101, "OBX-5"),
    ],
)
def test_a_broken_document_is_refused_with_the_place(obx: str, code: int, place: str) -> None:
    with pytest.raises(Rejection) as caught:
        forms(obx)
    (fault,) = caught.value.faults
    assert (caught.value.code, fault.code, fault.place) == ("AE", code, place)


def test_reading_takes_time_in_proportion_to_the_size() -> None:
    def seconds(size: int) -> float:
        data = b64encode(b"%PDF" + bytes(size)).decode()
        wrapped = [data[place : place + 76] for place in range(0, len(data), 76)]
        before = process_time()
        (form,) = forms(ed("^application^pdf^Base64^" + "\n".join(wrapped)))
        assert len(form["data"]) == len(data)
        return process_time() - before

    seconds(1000)
    small, large = min(seconds(200_000) for _ in range(3)), min(seconds(1_600_000) for _ in range(3))
    assert large < 30 * small + 0.05, f"8 times the data took {large / small:.0f} times as long"
