"""What the commands print: any text in a cell, widths, JSON, the sentence of an error."""

from __future__ import annotations

import errno
import io
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from hypothesis import example, given
from hypothesis import strategies as st
from pyarrow import ArrowInvalid

from ministack_sagemaker.errors import AccountError
from ndr.contract.errors import InvalidRequestError
from ndr.local.console.errors import sentence_of
from ndr.local.console.interrupt import Interrupted, on_interrupt
from ndr.local.console.output import PIPED_WIDTH, OutputConsole, width_of
from ndr.local.console.plain import plain
from ndr.local.console.progress import Progress
from ndr.local.console.tables import Listing, Number, print_listings, print_table, share, shown

TEXTS = st.text(max_size=40) | st.text(st.characters(codec=None), max_size=10)
"""Any characters, lone surrogates among them."""
HOSTILE = (
    "[bold]x[/bold]",
    "[/red]",
    "[link=file:///etc/passwd]a[/link]",
    "fe80::1:2",
    "2001:db8::[1]",
    ":smile:",
    "a\x1b[2J\x1b]0;title\x07b",
    "gpj.\u202eexe",
    "one\ntwo\r\tthree",
    "\ud800",
    "\x9b31m",
)


def printed(text: str, width: int = PIPED_WIDTH, *, terminal: bool = False) -> str:
    out = io.StringIO()
    print_table(
        OutputConsole(file=out, width=width, force_terminal=terminal, color_system=None), text, [text], [[text]]
    )
    return out.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_a_cell_as_it_is(text: str) -> None:
    assert printed(text).count(plain(text)) == 3  # title, heading and cell


@given(TEXTS, st.integers(1, 200), st.booleans())
@example("\x1b[31m", 1, True)
def test_no_control_character_reaches_the_terminal(text: str, width: int, terminal: bool) -> None:
    shown_text = printed(text, width, terminal=terminal)
    assert {unicodedata.category(one) for one in shown_text if one != "\n"} <= SHOWN
    shown_text.encode()  # no lone surrogate


SHOWN = {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
         "Sm", "Sc", "Sk", "So", "Zs", "Cn", "Co"}  # fmt: skip


@given(TEXTS)
def test_a_line_is_text(text: str) -> None:
    out = io.StringIO()
    console = OutputConsole(file=out, width=PIPED_WIDTH)
    console.print(text, soft_wrap=True)
    Progress(console).line(text)
    first, _, second = out.getvalue().partition("\n" if "\n" not in text else "\0")
    if second:
        assert first == plain(text)
        assert second == f"    0.0 s  {plain(text)}\n"
    assert "\x1b" not in out.getvalue()


@given(st.text(st.characters(categories=["L", "N", "P", "S"])))
def test_what_is_shown_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


@given(TEXTS)
def test_a_cell_of_a_listing_is_the_same_in_json(text: str) -> None:
    (record,) = Listing("rows", "Rows", ["a host"], [[text]]).records()
    assert json.loads(json.dumps(record)) == {"a_host": text}


def test_json_has_values_and_the_table_has_texts(capsys: pytest.CaptureFixture[str]) -> None:
    at = datetime(2026, 2, 1, 6, 15, tzinfo=UTC)
    row = [at, 1234, share(0.995), Number(2.5, "2.50"), Decimal(7), None, float("nan"), "\x1b[1m"]
    columns = ["as of", "rows", "coverage", "USD", "items", "why", "p", "name"]
    listing = Listing("found", "Found", columns, [row], right=["rows"])
    print_listings(OutputConsole(), [listing], as_json=True, stack="ndr")
    out = capsys.readouterr().out
    assert json.loads(out) == {
        "stack": "ndr",
        "found": [
            {"as_of": "2026-02-01T06:15:00Z", "rows": 1234, "coverage": 0.995, "usd": 2.5, "items": 7, "why": None,
             "p": None, "name": "\x1b[1m"}
        ],
    }  # fmt: skip
    assert "\x1b" not in out
    texts = ["2026-02-01T06:15:00Z", "1,234", "99.5%", "2.50", "7", "-", "nan", r"\x1b[1m"]
    assert [shown(value) for value in row] == texts


def test_piped_row_is_one_line_and_a_terminal_folds_it() -> None:
    text = "word " * 60
    assert len([line for line in printed(text).splitlines() if "word" in line]) == 3
    folded = [line for line in printed(text, 40).splitlines()[1:] if "word" in line]
    assert len(folded) > 10
    assert max(map(len, folded)) <= 40


CELLS = ("mini_batch", "2026-02-01T06:15:00Z", "arn:aws:states:us-east-1:123456789012:execution:ndr-mini-batch:9f1c-7",
         "s3://ndr-data/v1/fg_a/dt=2026-02-01/20260201T061500Z-PT15M/", "1,234,567", "99.5%", "10.12.13.14",
         "JobFailed: the step DeltaBuilderStep ended, as /ndr/delta_builder.log says")  # fmt: skip


def table_of(cells: Sequence[str], width: int, *, terminal: bool = True) -> str:
    out = io.StringIO()
    headings = [f"heading {number}" for number in range(len(cells))]
    console = OutputConsole(file=out, width=width, force_terminal=terminal, color_system=None)
    print_table(console, "Found", headings, [cells, cells], right=headings[4:5])
    return out.getvalue()


@pytest.mark.parametrize("width", [40, 60, 80, 120, 300])
@pytest.mark.parametrize("count", [2, 4, 8])
@pytest.mark.parametrize("terminal", [True, False])
def test_no_word_of_a_cell_is_cut_at_any_width(width: int, count: int, terminal: bool) -> None:
    cells = CELLS[-count:]
    words = Counter(word for text in cells for word in text.split() for _ in range(2))
    told = table_of(cells, width, terminal=terminal)
    assert not words - Counter(told.split())
    too_long = [line.rstrip() for line in told.splitlines() if len(line.rstrip()) > width]
    assert all(line in words for line in too_long), "only a word of its own is longer than the terminal"


@given(st.lists(TEXTS, min_size=1, max_size=6), st.integers(1, 200))
def test_every_word_of_any_text_can_be_copied(cells: list[str], width: int) -> None:
    told = table_of(cells, width).split()
    assert not Counter(word for text in cells for word in shown(text).split()) - Counter(told)


def test_a_table_that_does_not_fit_is_a_line_a_cell() -> None:
    assert table_of(CELLS[:2], 30).splitlines()[:4] == [
        "Found",
        "heading 0  mini_batch",
        "heading 1",
        "2026-02-01T06:15:00Z",
    ]
    assert table_of(CELLS[:2], 31).splitlines()[1:3] == ["heading 0  mini_batch", "heading 1  2026-02-01T06:15:00Z"]
    assert table_of(CELLS[:2], 34).splitlines()[1] == "heading 0  mini_batch"
    assert " mini_batch   2026-02-01T06:15:00Z " in table_of(CELLS[:2], 35).splitlines()
    assert table_of(["a", "b", "c", "d", "7", "e"], 80).splitlines()[-2].split("d")[1] == f"{' ' * 19}7   e         "


@pytest.mark.parametrize(
    ("columns", "width"), [("", PIPED_WIDTH), ("97", 97), ("0", PIPED_WIDTH), ("wide", PIPED_WIDTH)]
)
def test_width_is_that_of_columns(monkeypatch: pytest.MonkeyPatch, columns: str, width: int) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert width_of(io.StringIO()) == width


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "Requested resource not found"}}, "Scan")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (InvalidRequestError("end is before start."), "InvalidRequestError: end is before start."),
        (AccountError("No account.", "start"), "AccountError: No account. Start one with `ndr up`."),
        (
            PermissionError(errno.EACCES, "Permission denied", "/etc/a"),
            "/etc/a: Permission denied. Name a folder of",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "OSError: No space left on device. Free some space"),
        (
            NotADirectoryError(errno.ENOTDIR, "Not a directory", "a/b"),
            "a/b: Not a directory. A part of the path is a fi",
        ),
        (FileExistsError(errno.EEXIST, "File exists", "a"), "a: File exists. It is a file where a folder is expected."),
        (OSError("zlib failed"), "OSError: zlib failed."),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), "`ndr doctor` tells whether the account"),
        (NoCredentialsError(), "Set AWS_PROFILE"),
        (client_error("ResourceNotFoundException"), "ResourceNotFoundException: An error occurred"),
        (ArrowInvalid("Not a Parquet file"), "ArrowInvalid: Not a Parquet file"),
    ],
)
def test_each_error_of_the_world_has_a_sentence(error: Exception, told: str) -> None:
    sentence = sentence_of(error)
    assert sentence is not None
    assert told in sentence


def test_a_bug_has_none() -> None:
    assert sentence_of(KeyError("x")) is None


def test_ctrl_c_collects_what_goes_on() -> None:
    def interrupted() -> None:
        with (
            on_interrupt(lambda: "The account keeps running."),
            on_interrupt(lambda: ""),
            on_interrupt(lambda: "It goes on."),
        ):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=re.escape("It goes on. The account keeps running.")):
        interrupted()
