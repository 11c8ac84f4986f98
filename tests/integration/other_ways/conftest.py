"""An IMAP server that runs, and a user of it."""

from collections.abc import Iterator

import pytest

from tests.dovecot import Dovecot, running_dovecot


@pytest.fixture(scope="module")
def imap() -> Iterator[Dovecot]:
    with running_dovecot() as server:
        yield server


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """A user of the test's own, with an empty mailbox."""
    return "u" + "".join(c for c in request.node.name.lower() if c.isalnum())[-60:]
