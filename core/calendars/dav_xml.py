"""The XML of WebDAV: read safely, whoever wrote it.

The standard library's parser opens no files, and libexpat stops entities from growing; here a
document type, and with it every entity, is refused before it begins. What is left to bound is how
deep and how many.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

DAV, CALDAV = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
_DEEPEST = 40  # a multistatus is six deep
_MOST_ELEMENTS = 100_000  # eight for each entry in a list


class Unreadable(ValueError):
    """No XML, cut off, or more of it than any calendar has."""


@dataclass(frozen=True, slots=True)
class Found:
    """One resource of a multistatus: its address as written, its status, and what it has."""

    href: str
    status: int
    has: Mapping[str, Element]  # by the name of the property: "{DAV:}getetag"

    def text(self, name: str) -> str:
        """The text of a property; empty where it is not there."""
        return (self.has[name].text or "").strip() if name in self.has else ""


def parse(body: bytes) -> Element:
    """The root element. Raises Unreadable."""
    builder, deep, elements = TreeBuilder(), 0, 0
    parser = expat.ParserCreate(namespace_separator="}")

    def begin(name: str, attributes: dict[str, str]) -> None:
        nonlocal deep, elements
        deep, elements = deep + 1, elements + 1
        if deep > _DEEPEST or elements > _MOST_ELEMENTS:
            raise Unreadable("too much XML")
        builder.start(_named(name), attributes)

    def end(name: str) -> None:
        nonlocal deep
        deep -= 1
        builder.end(_named(name))

    def refuse(*_: object) -> None:
        raise Unreadable("a document type in an answer")

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body, True)  # noqa: FBT003 - expat takes no names
    except (expat.ExpatError, LookupError) as error:  # LookupError: an encoding nobody knows
        raise Unreadable(str(error)) from error
    return builder.close()


def multistatus(root: Element) -> tuple[list[Found], str]:
    """The resources of an answer 207, and its sync token ("" where it has none).

    Raises Unreadable where it is something else.
    """
    if root.tag != DAV + "multistatus":
        raise Unreadable("no multistatus")
    token = root.findtext(DAV + "sync-token", "").strip()
    return [_found(response) for response in root.iter(DAV + "response")], token


def conditions(body: bytes) -> frozenset[str]:
    """The preconditions that an error names, without their namespaces ("valid-sync-token")."""
    try:
        root = parse(body)
    except Unreadable:
        return frozenset()
    return frozenset(element.tag.rpartition("}")[2] for element in _all(root))


def _all(root: Element) -> Iterator[Element]:
    return root.iter() if root.tag == DAV + "error" else iter(())


def _named(name: str) -> str:
    return "{" + name if "}" in name else name


def _found(response: Element) -> Found:
    href = response.findtext(DAV + "href", "").strip()
    has: dict[str, Element] = {}
    for propstat in response.findall(DAV + "propstat"):
        if _status(propstat) == HTTPStatus.OK:
            has |= {element.tag: element for element in propstat.iterfind(DAV + "prop/*")}
    status = _status(response) if response.find(DAV + "status") is not None else HTTPStatus.OK
    return Found(href, status, has)


def _status(element: Element) -> int:
    """Of "HTTP/1.1 404 Not Found"; 0 where it says nothing."""
    words = element.findtext(DAV + "status", "").split()
    return int(words[1]) if len(words) > 1 and words[1].isdecimal() else 0
