"""Finished files by what they were made of, packed, and within a bound of memory."""

from __future__ import annotations

import gzip
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

BYTES = 32 * 1024 * 1024  # of packed files: 200 meetings are 8 KB, so some 4,000 calendars


@dataclass(frozen=True, slots=True)
class Packed:
    """A file, compressed. `tag`: of its content, the same in every process."""

    tag: str
    body: bytes

    @classmethod
    def of(cls, content: bytes) -> Packed:
        return cls(sha256(content).hexdigest()[:32], gzip.compress(content, 9, mtime=0))

    def unpacked(self) -> bytes:
        return gzip.decompress(self.body)


class Cache:
    """The files used last, `most` bytes of them."""

    def __init__(self, most: int = BYTES) -> None:
        self.most, self.used = most, 0
        self._files: OrderedDict[bytes, Packed] = OrderedDict()

    def get(self, key: bytes) -> Packed | None:
        """The file of this key, if it is still there."""
        found = self._files.get(key)
        if found is not None:
            self._files.move_to_end(key)
        return found

    def put(self, key: bytes, file: Packed) -> None:
        """Keep it, and forget what was not used for longest."""
        old = self._files.pop(key, None)
        self.used -= len(old.body) if old else 0
        self._files[key] = file
        self.used += len(file.body)
        while self.used > self.most:
            _, gone = self._files.popitem(last=False)
            self.used -= len(gone.body)
