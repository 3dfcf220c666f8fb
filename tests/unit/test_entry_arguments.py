"""Whether published rows may be replaced by none, as a job is told it."""

from __future__ import annotations

import pytest

from ndr.contract.errors import InvalidRequestError
from ndr.jobs.entry import REPLACE_WITH_EMPTY, _parse, replace_with_empty

REQUIRED = ["--project-name", "p", "--feature-spec-version", "v1"]


@pytest.mark.parametrize(
    ("given", "allowed"), [([], False), (["false"], False), (["true"], True), ([" True "], True), (["FALSE"], False)]
)
def test_rows_are_replaced_by_none_only_when_told(given: list[str], allowed: bool) -> None:
    argv = [*REQUIRED, *(text for value in given for text in (f"--{REPLACE_WITH_EMPTY}", value))]
    assert replace_with_empty(_parse([REPLACE_WITH_EMPTY], argv)) is allowed


def test_another_word_is_refused() -> None:
    arguments = _parse([REPLACE_WITH_EMPTY], [*REQUIRED, f"--{REPLACE_WITH_EMPTY}", "yes"])
    with pytest.raises(InvalidRequestError, match="ReplaceWithEmpty is 'yes'; write true or false"):
        replace_with_empty(arguments)
