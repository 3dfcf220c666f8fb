"""The parts of an UNLOAD statement: PARQUET, with the options that this emulator supports."""

from __future__ import annotations

from dataclasses import dataclass

import sqlglot
from sqlglot.tokens import Token, TokenType

from ministack_sagemaker.redshift_data.failure import StatementFailedError

_STRINGS = (TokenType.STRING, TokenType.HEREDOC_STRING, TokenType.RAW_STRING)
_SUPPORTED = "FORMAT PARQUET, PARALLEL ON or OFF, ALLOWOVERWRITE, REGION, and KMS_KEY_ID with ENCRYPTED"


@dataclass
class Unload:
    """An UNLOAD statement.

    Attributes
    ----------
    query
        The text between the quotes, unescaped.
    target
        `s3://bucket/prefix`; files are named by appending to it.
    iam_role
        A role ARN, or `default`.
    parquet
        Whether the format is stated, which is required.
    parallel
        Whether every slice writes its own file.
    allow_overwrite
        Whether the destination may hold objects.
    encrypted, kms_key_id
        Encryption with a named key. Without it, S3's own key is used, whatever the bucket's default.
    region
        Region of the bucket. Without it, Redshift looks in its own.
    """

    query: str
    target: str
    iam_role: str
    parquet: bool = False
    parallel: bool = True
    allow_overwrite: bool = False
    encrypted: bool = False
    kms_key_id: str | None = None
    region: str | None = None


def parse_unload(sql: str) -> Unload:
    """Parse an UNLOAD statement.

    Raises
    ------
    StatementFailedError
        A syntax error, or an option that this emulator does not support.
    """
    tokens = _Tokens(sql)
    tokens.word("UNLOAD")
    tokens.word("(")
    query = tokens.string("the query")
    tokens.word(")")
    tokens.word("TO")
    target = tokens.string("the S3 location")
    tokens.word("IAM_ROLE")
    role = "default" if tokens.accept("DEFAULT") else tokens.string("the role's ARN")
    unload = Unload(query, target, role)
    while not tokens.done():
        _read_option(tokens, unload)
    _check(unload)
    return unload


def _read_option(tokens: _Tokens, unload: Unload) -> None:
    if tokens.accept("FORMAT"):
        tokens.accept("AS")
    if tokens.accept("PARQUET"):
        unload.parquet = True
    elif tokens.accept("PARALLEL"):
        unload.parallel = tokens.accept("OFF", "FALSE") is None
        if unload.parallel:
            tokens.accept("ON", "TRUE")
    elif tokens.accept("ALLOWOVERWRITE"):
        unload.allow_overwrite = True
    elif tokens.accept("REGION"):
        tokens.accept("AS")
        unload.region = tokens.string("the region")
    elif tokens.accept("ENCRYPTED"):
        unload.encrypted = True
    elif tokens.accept("KMS_KEY_ID"):
        tokens.accept("AS")
        unload.kms_key_id = tokens.string("the key's id")
    else:
        raise StatementFailedError(
            f'syntax error at or near "{tokens.next_text()}" in the options of UNLOAD; '
            f"this emulator supports {_SUPPORTED}"
        )


def _check(unload: Unload) -> None:
    if not unload.target.startswith("s3://"):
        raise StatementFailedError(f"S3 location {unload.target!r} must begin with s3://")
    if not unload.parquet:
        raise StatementFailedError("UNLOAD has no FORMAT PARQUET; this emulator writes no other format, so add it")
    if unload.encrypted != (unload.kms_key_id is not None):
        raise StatementFailedError("this emulator supports ENCRYPTED and KMS_KEY_ID together only; write both")


class _Tokens:
    """A cursor over the statement's tokens."""

    def __init__(self, sql: str) -> None:
        stripped = sql.strip().rstrip(";")
        # sqlglot reads a statement that begins with UNLOAD as one token, so the first word is cut off.
        self._tokens: list[Token] = sqlglot.tokenize(stripped[len("UNLOAD") :], read="redshift")
        self._first_word_read = False
        self._at = 0

    def done(self) -> bool:
        return self._at >= len(self._tokens)

    def next_text(self) -> str:
        return "end of statement" if self.done() else self._tokens[self._at].text

    def word(self, expected: str) -> None:
        if expected == "UNLOAD" and not self._first_word_read:
            self._first_word_read = True
        elif self.accept(expected) is None:
            raise StatementFailedError(f'syntax error at or near "{self.next_text()}": {expected} is expected')

    def accept(self, *words: str) -> str | None:
        if self.done() or self._tokens[self._at].token_type in _STRINGS:
            return None
        found = " ".join(self._tokens[self._at].text.upper().split())
        if found not in words:
            return None
        self._at += 1
        return found

    def string(self, what: str) -> str:
        if self.done() or self._tokens[self._at].token_type not in _STRINGS:
            raise StatementFailedError(f'syntax error at or near "{self.next_text()}": {what} is expected in quotes')
        self._at += 1
        return self._tokens[self._at - 1].text
