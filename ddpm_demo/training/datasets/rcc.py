"""Reads Qt resource files (.rcc), in which some Debian packages keep their photographs."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

COMPRESSED, DIRECTORY, COMPRESSED_ZSTD = 1, 2, 4


def read_rcc(path: Path) -> Iterator[tuple[str, bytes]]:
    """(path inside, content) of every file that is stored plainly or with zlib.

    Raises:
        ValueError: not a resource file, or cut short.
    """
    content = path.read_bytes()
    if content[:4] != b"qres":
        raise ValueError(f"{path.name} is not a Qt resource file")
    try:
        version, tree, data, names = struct.unpack_from(">4I", content, 4)
        yield from _walk(content, (tree, data, names), 22 if version >= 2 else 14, 0, "", 0)
    except (struct.error, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from error


def _walk(
    content: bytes,
    tables: tuple[int, int, int],
    node_size: int,
    node: int,
    parent: str,
    depth: int,
) -> Iterator[tuple[str, bytes]]:
    tree, data, names = tables
    name_offset, flags = struct.unpack_from(">IH", content, tree + node * node_size)
    name = _name(content, names + name_offset) if node else ""
    path = f"{parent}/{name}" if parent else name
    after = tree + node * node_size + 6
    if flags & DIRECTORY:
        count, first = struct.unpack_from(">2I", content, after)
        for child in range(first, first + count):
            if depth < 32:
                yield from _walk(content, tables, node_size, child, path, depth + 1)
        return
    if flags & COMPRESSED_ZSTD:
        return
    (offset,) = struct.unpack_from(">I", content, after + 4)
    (length,) = struct.unpack_from(">I", content, data + offset)
    stored = content[data + offset + 4 : data + offset + 4 + length]
    # Qt puts the unpacked length before what zlib wrote.
    yield path, zlib.decompress(stored[4:]) if flags & COMPRESSED else stored


def _name(content: bytes, offset: int) -> str:
    (length,) = struct.unpack_from(">H", content, offset)
    return content[offset + 6 : offset + 6 + 2 * length].decode("utf-16-be")
