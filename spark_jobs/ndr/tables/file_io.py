"""The files of a table's metadata through `ndr.store`: one request each, and none of Arrow's datasets imported."""

from __future__ import annotations

from io import BytesIO
from types import TracebackType

from pyiceberg.io import FileIO, InputFile, InputStream, OutputFile, OutputStream

from ndr.store.storage import delete_file, filesystem, put_bytes, read_bytes

IMPLEMENTATION = f"{__name__}.StoreFileIO"
"""The catalog property `py-io-impl`."""


class _Input(InputFile):
    def __len__(self) -> int:
        return len(self._content())

    def exists(self) -> bool:
        return read_bytes(self.location) is not None

    def open(self, seekable: bool = True) -> InputStream:
        return BytesIO(self._content())

    def _content(self) -> bytes:
        content = read_bytes(self.location)
        if content is None:
            raise FileNotFoundError(f"{self.location} does not exist.")
        return content


class _Stream(BytesIO):
    """Puts its content when it is closed after no error: a file is there whole or not at all."""

    def __init__(self, location: str) -> None:
        super().__init__()
        self._location = location

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            super().close()

    def close(self) -> None:
        if not self.closed:
            put_bytes(self._location, self.getvalue())
        super().close()


class _Output(OutputFile):
    def __len__(self) -> int:
        return len(_Input(self.location))

    def exists(self) -> bool:
        system, path = filesystem(self.location)
        return bool(system.get_file_info(path).is_file)

    def to_input_file(self) -> InputFile:
        return _Input(self.location)

    def create(self, overwrite: bool = False) -> OutputStream:
        # Names of metadata files have a random part, so that none is there before.
        return _Stream(self.location)


class StoreFileIO(FileIO):
    """Reads and writes `s3://` and `file://` with the clients of the jobs."""

    def new_input(self, location: str) -> InputFile:
        return _Input(location)

    def new_output(self, location: str) -> OutputFile:
        return _Output(location)

    def delete(self, location: str | InputFile | OutputFile) -> None:
        delete_file(location if isinstance(location, str) else location.location)
