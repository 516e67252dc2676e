"""From XML to a document (FHIR R4 xml.html), the same that the JSON form gives.

Strict about form, for what a client sends should be right: unknown elements and attributes, text between elements,
empty elements, foreign namespaces and other encodings are refused, each with its place. Values are taken as they are;
whether they are right is validation's business. The order of elements is not looked at: most servers do not look.

Declarations of types and entities are refused altogether, and with them every attack that is made of entities.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn, cast
from xml.parsers import expat

from mockehr.core.errors import nearest_names
from mockehr.core.exchange import JSON
from mockehr.fhir.elements import R4, release_name
from mockehr.fhir.lossless import Unreadable
from mockehr.fhir.xml.narrative import Canonical
from mockehr.fhir.xml.plan import Kind, Slot, Slots, of_primitive, resources, slots
from mockehr.fhir.xml.text import XHTML

LARGEST: Final = 32 << 20
"""Octets of a document."""
DEEPEST: Final = 200
"""Elements within elements, those of a narrative included."""

LONGEST_SHOWN: Final = 200
"""Letters of a name that a message repeats."""

_PRIMITIVE, _COMPLEX, _HOLDER = int(Kind.PRIMITIVE), int(Kind.COMPLEX), int(Kind.HOLDER)
_RESOURCE = int(Kind.RESOURCE)
_SCHEMA: Final = "http://www.w3.org/2001/XMLSchema-instance schemaLocation"
_XML: Final = "http://www.w3.org/XML/1998/namespace "
_OWN_NAMESPACE: Final = f'xmlns="{XHTML}"'.encode()


def from_xml(body: bytes, version: str = R4) -> JSON:
    """The resource that an XML text stands for; raises Unreadable with line and column (both from 1)."""
    if len(body) > LARGEST:
        raise Unreadable(f"the document has {len(body)} octets; {LARGEST} are allowed")
    if body[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in body[:4]:
        raise Unreadable("line 1 column 1: the document is in UTF-16 or UTF-32; FHIR is written in UTF-8")
    parser = expat.ParserCreate("utf-8", " ")
    reader = _Reader(parser, body, version)
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        words = expat.errors.messages[error.code]
        raise Unreadable(f"line {error.lineno} column {error.offset + 1}: {words}") from None
    finally:
        reader.let_go()
    return reader.document()


class _Reader:
    """The parser's handlers. `stack` holds for each open element: what may stand in it, its object, its name."""

    __slots__ = (
        "_aligned",
        "_body",
        "_canonical",
        "_div",
        "_heard",
        "_parser",
        "_prefixes",
        "_start",
        "_version",
        "stack",
    )

    def __init__(self, parser: expat.XMLParserType, body: bytes, version: str) -> None:
        self._parser, self._body, self._version = parser, body, version
        self.stack: list[tuple[Slots, JSON, str]] = [(resources(version), {}, "")]
        self._aligned: list[tuple[JSON, str]] = []
        self._div = 0
        self._start = 0
        self._heard = False
        self._prefixes = False
        self._canonical: Canonical | None = None
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.XmlDeclHandler = self._declared
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartNamespaceDeclHandler = self._namespace
        self._listen()

    def _listen(self) -> None:
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def let_go(self) -> None:
        """Part from the parser, so that neither keeps the other alive."""
        parser = self._parser
        parser.StartElementHandler = parser.EndElementHandler = parser.CharacterDataHandler = None
        parser.XmlDeclHandler = parser.StartDoctypeDeclHandler = parser.StartNamespaceDeclHandler = None

    def document(self) -> JSON:
        """The resource, once all was read. Lists with `_name` beside them are made equally long; empty ones go."""
        for node, key in self._aligned:
            values, beside = node.get(key, []), node[f"_{key}"]
            beside.extend([None] * (len(values) - len(beside)))
            if values and all(value is None for value in values):
                del node[key]
        return cast("JSON", next(iter(self.stack[0][1].values())))

    # where we are

    def place(self) -> str:
        """`line 3 column 5, in Patient/name`."""
        path = "/".join(name for _, _, name in self.stack[1:])
        where = f"line {self._parser.CurrentLineNumber} column {self._parser.CurrentColumnNumber + 1}"
        return f"{where}, in {path}" if path else where

    def _refuse(self, text: str) -> NoReturn:
        raise Unreadable(f"{self.place()}: {text}")

    def _refuse_element(self, name: str, known: Slots) -> NoReturn:
        namespace, _, local = name[-LONGEST_SHOWN:].rpartition(" ")
        right = [one.rpartition(" ")[2] for one in known]
        if local in right:
            wanted = next(one.rpartition(" ")[0] for one in known if one.rpartition(" ")[2] == local)
            self._refuse(f"{local} is in the namespace {namespace or '(none)'}; it must be in {wanted}")
        near = ", ".join(nearest_names(local, right))
        top = known is resources(self._version)
        what = f"is no resource type of {release_name(self._version)}" if top else "is not known here"
        self._refuse(f"{local} {what}" + (f"; nearest: {near}" if near else ""))

    # before the first element

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "utf8"):
            self._refuse(f"the document says that it is in {encoding}; FHIR is written in UTF-8")

    def _doctype(self, *told: object) -> None:
        self._refuse("document types and entities are not allowed")

    def _namespace(self, prefix: str | None, uri: str) -> None:
        if prefix and not self._div:
            self._prefixes = True

    # elements

    def _begin(self, name: str, told: list[str]) -> None:
        stack = self.stack
        known, node, _ = stack[-1]
        slot = known.get(name)
        if slot is None:
            self._refuse_element(name, known)
        if len(stack) > DEEPEST:
            self._refuse(f"elements are nested more than {DEEPEST} levels deep")
        kind, key, many, convert, of, allowed = slot
        if kind == _PRIMITIVE:
            more: JSON = {}
            value: Any = None
            if len(told) == 2 and told[0] == "value":
                value = told[1]
            elif told:
                value = self._primitive_attributes(told, more)
            if convert is not None and value is not None:
                value = self._converted(convert, value)
            if many:
                node.setdefault(key, []).append(value)
            elif key in node:
                self._refuse(f"{key} comes more than once")
            elif value is not None:
                node[key] = value
            stack.append((of_primitive(self._version), more, key))
        elif kind == _COMPLEX:
            made: JSON = {}
            if told:
                self._attributes(told, made, allowed, key)
            self._place_in(node, key, many, made)
            stack.append((slots(of, self._version), made, key))
        else:
            self._begin_other(slot, node, told)

    def _begin_other(self, slot: Slot, node: JSON, told: list[str]) -> None:
        """A resource, what holds one, or a narrative's div."""
        if slot.kind == _RESOURCE:
            if node:
                self._refuse(f"{slot.key} stands beside another resource")
            made: JSON = {"resourceType": slot.type}
            if told[:1] != [_SCHEMA] or len(told) > 2:  # where a schema is, anybody may tell
                self._attributes(told, made, slot.attributes, slot.key)
            node[slot.key] = made
            self.stack.append((slots(slot.type, self._version), made, slot.key))
        elif slot.kind == _HOLDER:
            self._attributes(told, {}, slot.attributes, slot.key)
            self.stack.append((resources(self._version), {}, slot.key))
        else:
            if slot.key in node:
                self._refuse(f"{slot.key} comes more than once")
            self._begin_div(told)

    def _converted(self, convert: Callable[[str], Any], value: str) -> Any:
        try:
            return convert(value)
        except Unreadable as error:
            self._refuse(str(error))

    def _place_in(self, node: JSON, key: str, many: bool, made: JSON) -> None:
        if many:
            node.setdefault(key, []).append(made)
        elif key in node:
            self._refuse(f"{key} comes more than once")
        else:
            node[key] = made

    def _primitive_attributes(self, told: list[str], more: JSON) -> str | None:
        value = None
        for name, text in zip(told[::2], told[1::2], strict=True):
            if name == "value":
                value = text
            elif name == "id":
                more["id"] = text
            else:
                self._refuse(f"the attribute {name.rpartition(' ')[2][:LONGEST_SHOWN]} is not known here")
        return value

    def _attributes(self, told: list[str], made: JSON, allowed: frozenset[str], key: str) -> None:
        for name, text in zip(told[::2], told[1::2], strict=True):
            if name not in allowed:
                self._refuse(f"{key} has no attribute {name.rpartition(' ')[2][:LONGEST_SHOWN]}")
            made[name] = text

    def _end(self, name: str) -> None:
        _, node, key = self.stack.pop()
        above, parent, _ = self.stack[-1]
        slot = above[name]
        if slot.kind == _PRIMITIVE:
            if node:
                self._put_beside(slot, parent, node)
            elif parent.get(key) is None or (slot.many and parent[key][-1] is None):
                self._refuse(f"{key} is empty: it has neither a value nor extensions")
        elif not node:
            self._refuse(f"{key} is empty")
        elif slot.kind == _HOLDER:
            (made,) = node.values()
            self._place_in(parent, key, slot.many, made)

    def _put_beside(self, slot: Slot, parent: JSON, more: JSON) -> None:
        """A primitive's id and extensions, into `_name` at the place of the primitive."""
        beside = f"_{slot.key}"
        if not slot.many:
            if beside in parent:
                self._refuse(f"{slot.key} comes more than once")
            parent[beside] = more
            return
        if beside not in parent:
            parent[beside] = []
            self._aligned.append((parent, slot.key))
        parent[beside].extend([None] * (len(parent[slot.key]) - 1 - len(parent[beside])))
        parent[beside].append(more)

    def _text(self, data: str) -> None:
        if not data.isspace():
            self._refuse(f"text stands between the elements: {data.strip()[:40]!r}")

    # narratives

    def _begin_div(self, told: list[str]) -> None:
        self._div = 1
        self._start = self._parser.CurrentByteIndex
        self._heard = False
        head = self._body[self._start : self._body.find(b">", self._start) + 1]
        parser = self._parser
        if self._prefixes or _OWN_NAMESPACE not in head or not head.startswith(b"<div"):
            self._canonical = Canonical()
            self._canonical.start(f"{XHTML} div", told)
        parser.StartElementHandler = self._begin_in_div
        parser.EndElementHandler = self._end_in_div
        parser.CharacterDataHandler = self._text_in_div

    def _begin_in_div(self, name: str, told: list[str]) -> None:
        self._heard = True
        self._div += 1
        if not name.startswith(f"{XHTML} "):
            self._refuse(f"{name.rpartition(' ')[2][:LONGEST_SHOWN]} is not xhtml, and stands in a narrative")
        if any(" " in one and not one.startswith(_XML) for one in told[::2]):
            self._refuse("a foreign attribute stands in a narrative")
        if len(self.stack) + self._div > DEEPEST:
            self._refuse(f"elements are nested more than {DEEPEST} levels deep")
        if self._canonical is not None:
            self._canonical.start(name, told)

    def _text_in_div(self, data: str) -> None:
        self._heard = True
        if self._canonical is not None:
            self._canonical.text(data)

    def _end_in_div(self, name: str) -> None:
        self._div -= 1
        if self._canonical is not None:
            self._canonical.end(name)
        if self._div:
            return
        self.stack[-1][1]["div"] = self._div_text()
        self._canonical = None
        self._listen()

    def _div_text(self) -> str:
        """The octets of the div as they came; a new text where they lean on namespaces declared around it."""
        if self._canonical is not None:
            return self._canonical.written()
        body, here = self._body, self._parser.CurrentByteIndex
        if not self._heard and body.endswith(b"/>", self._start, here):
            return body[self._start : here].decode()
        return body[self._start : body.index(b">", here) + 1].decode()
