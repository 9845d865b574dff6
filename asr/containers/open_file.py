"""The kinds of open files from which sound is read."""

import io
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

OpenFile: TypeAlias = io.FileIO | io.BytesIO


class MendedFile(io.RawIOBase):
    """A file with another beginning: `head`, then what `file` holds from byte `start` on, read when it is wanted."""

    def __init__(self, head: bytes, file: OpenFile, start: int) -> None:
        self._head, self._file, self._start = head, file, start
        self._size = len(head) + max(0, file.seek(0, io.SEEK_END) - start)
        self._position = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        place = memoryview(buffer).cast("B")
        head = self._head[self._position : self._position + len(place)]
        place[: len(head)] = head
        num_read = len(head)
        if num_read < len(place):
            self._file.seek(self._start + self._position + num_read - len(self._head))
            num_read += self._file.readinto(place[num_read:])
        self._position += num_read
        return num_read
