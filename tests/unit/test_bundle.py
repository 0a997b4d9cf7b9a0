"""The committed front end: made from the sources beside it, small, and asking no network for anything.

None of this needs Node: the first line of the bundle holds a digest of the sources that js/build.mjs made it from.
"""

from __future__ import annotations

import base64
import re
import zlib
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
JS = ROOT / "js"
BUNDLE = ROOT / "llmwidgets" / "static" / "widget.js"
BUDGET = 150_000  # bytes: every view of a page is sent it anew


@pytest.fixture(scope="module")
def bundle() -> str:
    """The file: a loader with the code packed in it."""
    return BUNDLE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def code(bundle: str) -> str:
    """What runs."""
    packed = re.search(r'const packed = "([A-Za-z0-9+/=]+)";', bundle)
    assert packed, "the loader holds no code: run make bundle"
    return zlib.decompress(base64.b64decode(packed[1]), wbits=-15).decode()


def digest_of_sources() -> str:
    """As js/build.mjs does it: path, a zero byte, content with plain line ends, a zero byte, in the order of the paths."""
    names = [path.relative_to(JS).as_posix() for path in (JS / "src").rglob("*") if path.is_file()]
    digest = sha256()
    for name in sorted([*names, "loader.js", "package-lock.json"]):
        digest.update(name.encode() + b"\0" + (JS / name).read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def test_it_was_made_from_these_sources(bundle: str) -> None:
    banner = re.match(r"/\* llmwidgets front end; sources sha256:([0-9a-f]{64}) \*/\n", bundle)
    assert banner, f"{BUNDLE} does not begin with the digest of its sources: run make bundle"
    assert banner[1] == digest_of_sources(), "js/src has changed since the bundle was built: run make bundle"


def test_it_keeps_to_its_budget(bundle: str) -> None:
    assert len(bundle.encode()) < BUDGET


@pytest.mark.parametrize("part", ["bundle", "code"])
def test_it_imports_and_fetches_nothing(part: str, request: pytest.FixtureRequest) -> None:
    text = request.getfixturevalue(part)
    assert not re.search(r"""\b(import|from)\s*\(?\s*["'`]""", text), "the bundle imports another module"
    for name in ("XMLHttpRequest", "WebSocket", "EventSource", "sendBeacon", "importScripts"):
        assert name not in text
    assert not re.search(r"\bfetch\s*\(", text)
    assert not re.search(r"url\(\s*[\"']?https?:", text), "a style asks for something from a network"
    # Names of XML namespaces look like addresses and are never asked for.
    addresses = re.findall(r"https?://[^\s\"'`)]+", text)
    assert [address for address in addresses if not address.startswith("http://www.w3.org/")] == []


def test_the_lockfile_names_no_registry() -> None:
    lock = (JS / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert "registry" not in lock


def test_it_has_no_top_level_await_and_one_default_export(bundle: str, code: str) -> None:
    """A host gives a module two seconds to load, and takes its default export."""
    assert re.search(r"^export default async \(\) => \(await load\(\)\)\.default\(\);\s*$", bundle, re.M) and bundle.count("\nexport ") == 1
    assert re.search(r"export\{\w+ as default\};?\s*$", code)
