"""Replies on their way to the page: gathered, then packed into messages of at most 4 MiB.

Always true: a reply is never split and leaves once; a reply that does not fit a message alone becomes an error that says so.
When to send is the server's decision (rpc.py).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

MESSAGE_BYTES = 4 * 1024 * 1024
_ENVELOPE = 256  # bytes of a message around its items


@dataclass(frozen=True)
class Reply:
    """One answered request. `data`: numbers beside the result, or None."""

    id: int
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    data: bytes | None = None
    transport: str = "binary"


@dataclass
class Message:
    """The content and the buffers of one message to the page."""

    items: list[dict[str, Any]] = field(default_factory=list)
    buffers: list[bytes] = field(default_factory=list)
    size: int = _ENVELOPE

    @property
    def content(self) -> dict[str, Any]:
        return {"v": 1, "kind": "replies", "items": self.items}


def pack(replies: Iterable[Reply], limit: int = MESSAGE_BYTES) -> list[Message]:
    """As few messages as a simple filling needs, in the order of the replies."""
    messages: list[Message] = []
    for reply in replies:
        item, data = _item(reply)
        size = _size(item, data)
        if size + _ENVELOPE > limit:
            item, data = _item(Reply(reply.id, error=_too_large(size, limit)))
            size = _size(item, data)
        if not messages or messages[-1].size + size > limit:
            messages.append(Message())
        message = messages[-1]
        if data is not None:
            item["buffer"] = len(message.buffers)
            message.buffers.append(data)
        message.items.append(item)
        message.size += size
    return messages


def _item(reply: Reply) -> tuple[dict[str, Any], bytes | None]:
    if reply.error is not None:
        return {"id": reply.id, "ok": False, "error": reply.error}, None
    item: dict[str, Any] = {"id": reply.id, "ok": True, "result": reply.result}
    if reply.data is not None and reply.transport == "base64":
        item["base64"] = base64.b64encode(reply.data).decode("ascii")
        return item, None
    return item, reply.data


def _size(item: dict[str, Any], data: bytes | None) -> int:
    encoded = item.get("base64")
    if encoded is not None:  # not through the JSON writer: it is most of the bytes, and every one is plain
        item = {key: value for key, value in item.items() if key != "base64"}
    words = len(json.dumps(item)) + (len(encoded) + 14 if encoded is not None else 0)
    return words + 16 + (len(data) if data is not None else 0)


def _too_large(size: int, limit: int) -> dict[str, Any]:
    return {
        "type": "BadRequest",
        "message": f"the answer takes {size:,} bytes; a message holds at most {limit:,}",
        "hint": "ask for a smaller block, or pool more",
    }
