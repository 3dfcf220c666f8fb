"""The error of a statement that Redshift would refuse."""


class StatementFailedError(Exception):
    """A statement failed; the message is what DescribeStatement shows as `Error`."""

    def __init__(self, message: str) -> None:
        super().__init__(f"ERROR: {message}")
