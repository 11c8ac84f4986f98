"""The address of a mailbox is read for sure, and never holds a password."""

import pytest

from adapters.mailbox.address import MailboxAddress, mailbox_address
from domain.errors import UsageError
from workers.parts.outside_systems import mailbox_opener


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("imaps://ann@mail.example.com/INBOX", MailboxAddress("mail.example.com", 993, True, "ann", "INBOX")),
        ("imaps://ann@mail.example.com", MailboxAddress("mail.example.com", 993, True, "ann", "INBOX")),
        ("imap://ann@mail.example.com/", MailboxAddress("mail.example.com", 143, False, "ann", "INBOX")),
        (
            "imaps://ann%40example.com@mail.example.com:9993/Help%20desk/Shop%2FEU",
            MailboxAddress("mail.example.com", 9993, True, "ann@example.com", "Help desk/Shop/EU"),
        ),
        ("imaps://a@b.c@mail.example.com/Grüße", MailboxAddress("mail.example.com", 993, True, "a@b.c", "Grüße")),
    ],
)  # fmt: skip
def test_an_address_is_read(url: str, address: MailboxAddress) -> None:
    assert mailbox_address(url) == address


@pytest.mark.parametrize(
    "url",
    ["", "mail.example.com", "https://ann@mail.example.com", "imaps://mail.example.com/INBOX", "imaps://ann@/INBOX",
     "imaps://ann@host:port/INBOX", "imaps://ann@host:99999/INBOX", "imaps://ann@host/INBOX?x", "imaps://ann@host/a#b",
     "imaps://ann%0d%0ax@host/INBOX", "imaps://ann@host/IN%00BOX", "imaps://ann@[::1/INBOX"],
)  # fmt: skip
def test_what_is_no_address_is_told_with_the_form(url: str) -> None:
    with pytest.raises(UsageError, match="imaps://user@host/FOLDER"):
        mailbox_address(url)


@pytest.mark.parametrize("url", ["imaps://ann:secret@host/INBOX", "imaps://ann:@host", "https://ann:secret@host"])
def test_a_password_in_the_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError, match="HEADGATE_MAILBOX_PASSWORD_FILE") as refused:
        mailbox_address(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("[::1]", True), ("localhost", True), ("10.0.0.1", False), ("mail.example", False)],
)
def test_only_this_machine_needs_no_tls(host: str, here: bool) -> None:
    assert mailbox_address(f"imap://ann@{host}/INBOX").here is here


def test_a_mailbox_needs_its_password() -> None:
    with pytest.raises(UsageError, match="HEADGATE_MAILBOX_PASSWORD"):
        mailbox_opener("imaps://ann@host/INBOX", {})
