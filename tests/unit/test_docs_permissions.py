from __future__ import annotations

from tests.iam.table import PAGE, page


def test_the_page_of_permissions_is_what_the_template_says() -> None:
    assert PAGE.read_text() == page(), "write it anew: python -m tests.iam.table"
