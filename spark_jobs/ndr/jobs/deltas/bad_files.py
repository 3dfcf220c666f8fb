"""Files that can't be read: all of a batch are named together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from ndr.contract.errors import InvalidRequestError, NdrError, SchemaMismatchError


class BadFiles:
    """The errors of files, one a file, in the order in which they were met."""

    def __init__(self) -> None:
        self.errors: list[NdrError] = []

    def add(self, error: NdrError) -> None:
        """Note the error of a file."""
        self.errors.append(error)

    def raise_first(self) -> None:
        """Raise the first error, with the sentences of all.

        Raises
        ------
        NdrError
            Of the kind of the first one, where there is one.
        """
        if self.errors:
            raise type(self.errors[0])(" ".join(map(str, self.errors))) from None


@contextmanager
def named_errors(path: str, form: str) -> Iterator[None]:
    """Turn what goes wrong in a file into a sentence that names it.

    Raises
    ------
    InvalidRequestError
        The file does not exist.
    SchemaMismatchError
        It can't be read.
    """
    try:
        yield
    except FileNotFoundError:
        raise InvalidRequestError(
            f"{path} does not exist. Check the mini-batch id and the integration prefix of the delta_builder JobSpec."
        ) from None
    except (OSError, pa.ArrowException) as error:
        raise SchemaMismatchError(
            f"{path} can't be read to its end as {form}; it is truncated, damaged or of another format "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__}). Deliver the file again."
        ) from error
