"""UNLOAD, read into what it asks for."""

from __future__ import annotations

from dataclasses import dataclass

import sqlglot
from sqlglot.tokens import Token, TokenType

from ministack_sagemaker.redshift_data.failure import StatementFailedError

_STRINGS = (TokenType.STRING, TokenType.HEREDOC_STRING, TokenType.RAW_STRING)
_FORMATS = ("PARQUET", "CSV")


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
    file_format
        `PARQUET` or `CSV`.
    parallel
        Whether every slice writes its own file.
    partition_by
        Columns that become folders; `include_partition_columns` keeps them in the files too.
    encrypted, kms_key_id
        Whether files are kept under a key that is named; under S3's own key otherwise, whatever the bucket's default.
    """

    query: str
    target: str
    iam_role: str
    file_format: str | None = None
    parallel: bool = True
    allow_overwrite: bool = False
    clean_path: bool = False
    manifest: bool = False
    manifest_verbose: bool = False
    header: bool = False
    delimiter: str = ","
    partition_by: tuple[str, ...] = ()
    include_partition_columns: bool = False
    encrypted: bool = False
    kms_key_id: str | None = None


def parse_unload(sql: str) -> Unload:
    """Read an UNLOAD statement.

    Raises
    ------
    StatementFailedError
        A syntax error, an option that Redshift does not have, or one that this account does not honour.
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
    if (file_format := tokens.accept(*_FORMATS)) is not None:
        unload.file_format = file_format
    elif tokens.accept("PARALLEL"):
        unload.parallel = tokens.accept("OFF", "FALSE") is None
        if unload.parallel:
            tokens.accept("ON", "TRUE")
    elif tokens.accept("ALLOWOVERWRITE"):
        unload.allow_overwrite = True
    elif tokens.accept("CLEANPATH"):
        unload.clean_path = True
    elif tokens.accept("MANIFEST"):
        unload.manifest = True
        unload.manifest_verbose = tokens.accept("VERBOSE") is not None
    elif tokens.accept("HEADER"):
        unload.header = True
    elif tokens.accept("DELIMITER"):
        tokens.accept("AS")
        unload.delimiter = tokens.string("the delimiter")
    elif tokens.accept("REGION"):
        tokens.accept("AS")
        tokens.string("the region")
    elif tokens.accept("ENCRYPTED"):
        unload.encrypted = True
    elif tokens.accept("KMS_KEY_ID"):
        tokens.accept("AS")
        unload.kms_key_id = tokens.string("the key's id")
    elif tokens.accept("PARTITION BY"):
        unload.partition_by = tokens.names()
        unload.include_partition_columns = tokens.accept("INCLUDE") is not None
    else:
        raise StatementFailedError(f'syntax error at or near "{tokens.next_text()}" in the options of UNLOAD')


def _check(unload: Unload) -> None:
    if not unload.target.startswith("s3://"):
        raise StatementFailedError(f"S3 location {unload.target!r} must begin with s3://")
    if unload.file_format is None:
        raise StatementFailedError("this account unloads FORMAT PARQUET and FORMAT CSV; name one of them")
    if unload.allow_overwrite and unload.clean_path:
        raise StatementFailedError("CLEANPATH and ALLOWOVERWRITE can't be specified together")
    if unload.encrypted != (unload.kms_key_id is not None):
        raise StatementFailedError("this account knows ENCRYPTED and KMS_KEY_ID together only; write both")
    if unload.header and unload.file_format == "PARQUET":
        raise StatementFailedError("HEADER is not supported for UNLOAD to PARQUET")


class _Tokens:
    """A cursor over the statement's tokens."""

    def __init__(self, sql: str) -> None:
        stripped = sql.strip().rstrip(";")
        # sqlglot takes a statement that begins with UNLOAD as one opaque text, so its first word is set apart.
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

    def names(self) -> tuple[str, ...]:
        self.word("(")
        found = [self._name()]
        while self.accept(","):
            found.append(self._name())
        self.word(")")
        return tuple(found)

    def _name(self) -> str:
        if self.done():
            raise StatementFailedError("syntax error at end of statement: a column name is expected")
        token = self._tokens[self._at]
        self._at += 1
        # Redshift folds unquoted names to lower case.
        return token.text if token.token_type == TokenType.IDENTIFIER else token.text.lower()
