"""One cache entry as bytes: a library, what is known about it as JSON, and a trailer that proves both.

    library | JSON | trailer = magic, schema, two lengths, key, SHA-256 of everything before the digest

The dynamic linker ignores what follows an ELF image, so the file could be loaded as it lies; it never is,
because the linker is no validator: bytes are proved here first.
"""

import errno
import json
import os
import stat
import struct
from hashlib import sha256
from typing import Any, TypeAlias

Facts: TypeAlias = dict[str, Any]  # what JSON knows

MAGIC = b"tgen\x01\xffso"
SCHEMA = 1
_HEAD = struct.Struct("<8sIQQ32s")  # magic, schema, library bytes, JSON bytes, key
TRAILER = _HEAD.size + 32
LARGEST = 1 << 30
CHUNK = 1 << 18


def pack(key: str, library: bytes, facts: Facts) -> bytes:
    """The bytes of an entry.

    >>> unpack("ab" * 32, pack("ab" * 32, b"code", {"n": 1}))
    (b'code', {'n': 1})
    """
    text = json.dumps(facts, separators=(",", ":"), sort_keys=True).encode()
    body = library + text + _HEAD.pack(MAGIC, SCHEMA, len(library), len(text), bytes.fromhex(key))
    return body + sha256(body).digest()


def unpack(key: str, data: bytes) -> tuple[bytes, Facts] | None:
    """(library, facts) of an entry's bytes; None unless every byte is what ``pack`` wrote under this key."""
    if len(data) < TRAILER:
        return None
    magic, schema, code, text, own = _HEAD.unpack_from(data, len(data) - TRAILER)
    if magic != MAGIC or schema != SCHEMA or own != bytes.fromhex(key) or code + text + TRAILER != len(data):
        return None
    view = memoryview(data)
    if sha256(view[:-32]).digest() != data[-32:]:
        return None
    return bytes(view[:code]), json.loads(bytes(view[code : code + text]))


def read(path: str) -> bytes | None:
    """The bytes of a regular file of ours that nobody else may write; None for anything else.

    Opened without following links and without waiting, so a FIFO or a device put in its place does no harm.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        info = os.fstat(handle)
        if not trusted(info) or info.st_size > LARGEST:
            return None
        return _all(handle, info.st_size)
    except OSError:
        return None
    finally:
        os.close(handle)


def same_bytes(path: str, original: str) -> bool:
    """Whether a regular file of ours that nobody else may write has the bytes of the file at ``original``.

    Chunk by chunk, which keeps them in the processor's cache. OSError when the original cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not trusted(os.fstat(handle)):
            return False
        with open(original, "rb") as file, open(handle, "rb", closefd=False) as copy:
            while True:
                wanted = file.read(CHUNK)
                if copy.read(len(wanted) or 1) != wanted:
                    return False
                if not wanted:
                    return True
    finally:
        os.close(handle)


def trusted(info: os.stat_result) -> bool:
    """Whether a file's owner, mode and link count are those of a file we wrote."""
    owned = info.st_uid in (os.geteuid(), 0)
    return stat.S_ISREG(info.st_mode) and owned and info.st_nlink == 1 and not info.st_mode & 0o022


def _all(handle: int, size: int) -> bytes:
    parts, left = [], size
    while left > 0:
        part = os.read(handle, left)
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def write_all(handle: int, data: bytes) -> None:
    """Write all of ``data`` to a file descriptor. Raises OSError."""
    view = memoryview(data)
    while view:
        written = os.write(handle, view)
        if written == 0:
            raise OSError(errno.EIO, "nothing was written")
        view = view[written:]


def remove(path: str) -> bool:
    """Remove a file; whether it was there to remove."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True
