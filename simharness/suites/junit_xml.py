"""What pytest's own JUnit file carries of an item: properties, or text where its schema has no properties of a case."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

PREFIX = "simharness."


def named(values: Mapping[str, str]) -> list[tuple[str, object]]:
    """Properties of an item by the names they have in the file."""
    return [(PREFIX + name, value) for name, value in values.items()]


def as_xunit2(path: Path) -> None:
    """Rewrite a file of pytest: what it wrote as properties of our items stands in ``system-out``, line by line.

    The schema of xunit2 knows no properties of a test case, but pytest writes what plugins give it. Properties that
    others wrote stay as they are; a file without ours is not touched, nor one that is no XML.
    """
    if not path.is_file() or PREFIX not in path.read_text(encoding="utf-8", errors="replace"):
        return
    from xml.etree import ElementTree

    tree = ElementTree.parse(path)
    for case in tree.iter("testcase"):
        for properties in case.findall("properties"):
            ours = [each for each in properties if each.get("name", "").startswith(PREFIX)]
            if not ours:
                continue
            for each in ours:
                properties.remove(each)
            if not len(properties):
                case.remove(properties)
            lines = [f"{each.get('name', '').removeprefix(PREFIX)}: {each.get('value')}" for each in ours]
            ElementTree.SubElement(case, "system-out").text = "\n".join(lines)
    tree.write(path, encoding="utf-8", xml_declaration=True)
