"""Mails that went through lists and ticket systems, carry files or other mails, or have words struck out."""

import base64
import html

from bench.mails.clients import Client
from bench.mails.envelope import Envelope, written_in
from bench.mails.exchange import ADDRESS, SHOP, Exchange
from bench.mails.vocabulary import Vocabulary

_NOTICE = "This e-mail is confidential and intended only for the addressee. If you are not the addressee, delete it. "


def mailing_list(words: Vocabulary, envelope: Envelope) -> bytes:
    """The list adds its footer as a part of its own, or in clear below base64."""
    mail = Exchange.new(words, envelope)
    footer = (
        f"_______________________________________________\n{mail.name} mailing list\nusers@lists.example\n"
        "https://lists.example/mailman/listinfo/users"
    )
    if words.rng.random() < 0.6 or envelope.codec == "utf-16":
        return envelope.multi("mixed", envelope.leaf("text/plain", mail.quoted()), envelope.leaf("text/plain", footer))
    body = base64.encodebytes(written_in(mail.quoted(), envelope.codec)).decode()
    clear = footer.replace(mail.name, "Users") if not mail.name.isascii() else footer
    head = f"Content-Type: text/plain; charset={envelope.label}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    return (head + body + clear).replace("\r\n", "\n").replace("\n", "\r\n").encode()


def ticket_system(words: Vocabulary, envelope: Envelope) -> bytes:
    """A line says where to answer; what the system wrote stands below it."""
    mail = Exchange.new(words, envelope, ("top",))
    line = words.rng.choice(["##- Please type your reply above this line -##", "-- Reply above this line --"])
    links = "You can follow this request at https://help.shop.example/requests/1"
    return envelope.leaf("text/plain", "\n\n".join([*mail.own, mail.attribution, f"> {line}", *_signed(mail), links])
                         if words.rng.random() < 0.5 else "\n\n".join([*mail.own, line, *mail.old, links]))  # fmt: skip


def _signed(mail: Exchange) -> list[str]:
    return ["\n".join(f"> {text}" for text in mail.old)]


def notes(words: Vocabulary, envelope: Envelope) -> bytes:
    """Headers in another order, with tabs."""
    mail = Exchange.new(words, envelope, ("top",))
    head = f"From:\t{SHOP} <{ADDRESS}>\nTo:\tRobin Field/Field Ltd@Field\nDate:\t23/11/2026 09:05\nSubject:\tYour order"
    return envelope.leaf("text/plain", "\n\n".join([*mail.own, head, *mail.old]))


def new_message(words: Vocabulary, envelope: Envelope) -> bytes:
    """No older letter: a closing, a name and a legal notice below."""
    own = words.own_paragraphs(words.rng.randint(1, 3))
    name = f"{words.foreign_name()}\nCEO, Field Ltd\n+1 212 555 0187"
    parts = [*own, f"Best regards,\n{name}"]
    if words.rng.random() < 0.4:
        parts.append(f"PS: {words.own_sentence()}")
    elif words.rng.random() < 0.7:
        parts.append(_NOTICE + words.foreign_sentence())
    return envelope.leaf("text/plain", "\n\n".join(parts))


def attached_mail(words: Vocabulary, envelope: Envelope) -> bytes:
    """Another mail is attached, between two texts."""
    inner = envelope.multi(
        "alternative", envelope.leaf("text/plain", words.foreign_sentence()),
        envelope.leaf("text/html", f"<p>{html.escape(words.foreign_sentence())}</p>"),
    )  # fmt: skip
    inside = b"Content-Type: message/rfc822\r\n\r\n" + envelope.message(inner, subject="Older", sender="Alex Other")
    return envelope.multi(
        "mixed", envelope.leaf("text/plain", words.own_sentence(), parameters='; name="body.txt"'), inside,
        envelope.leaf("text/plain", words.own_sentence(), disposition="inline"),
    )  # fmt: skip


def text_files(words: Vocabulary, envelope: Envelope) -> bytes:
    """Files that are text, between two texts; the message is signed."""
    inside = envelope.multi(
        "mixed", envelope.leaf("text/plain", words.own_sentence()),
        envelope.leaf("text/plain", words.foreign_sentence(), disposition='attachment; filename="log.txt"'),
        envelope.leaf("text/csv", words.foreign_sentence(), parameters='; name="rows.csv"'),
        envelope.leaf("text/html", f"<p>{html.escape(words.own_sentence())}</p>"),
    )  # fmt: skip
    return envelope.multi("signed", inside, envelope.file("smime.p7s", "application/pkcs7-signature"))


def struck_out(words: Vocabulary, envelope: Envelope) -> bytes:
    """The sender struck words out; plain text beside it cannot show that."""
    kept, gone, more = words.own_sentence(), words.foreign_sentence(), words.own_sentence()
    begin, end = words.rng.choice(
        [("<del>", "</del>"), ("<s>", "</s>"), ('<span style="text-decoration:line-through">', "</span>")]
    )
    page = f"<p>{html.escape(kept)} {begin}{html.escape(gone)}{end} {html.escape(more)}</p>"
    return envelope.multi(
        "alternative", envelope.leaf("text/plain", f"{kept} {gone} {more}"), envelope.leaf("text/html", page)
    )


def only_in_html(words: Vocabulary, envelope: Envelope) -> bytes:
    """The plain text is empty, or only says that there is HTML."""
    plain = words.rng.choice(["", "Please use an HTML viewer to read this message."])
    rows = "".join(f"<tr><td>{html.escape(words.own_sentence())}</td><td>30</td><td>USD</td></tr>" for _ in range(2))
    page = envelope.leaf("text/html", f"<html><body><table>{rows}</table></body></html>")
    return envelope.multi(
        "alternative", envelope.leaf("text/plain", plain),
        envelope.multi("mixed", page, envelope.file("a.pdf"), envelope.leaf("text/plain", words.own_sentence())),
    )  # fmt: skip


def answers_in_red(words: Vocabulary, envelope: Envelope) -> bytes:
    """Answers inside an older letter that nothing marks; whose words are whose cannot be told."""
    mail = Exchange.new(words, envelope, ("between",))
    head = f"From: {SHOP} <{ADDRESS}>\nSent: Monday, November 23, 2026\nTo: Robin Field\nSubject: Your order"
    return envelope.leaf("text/plain", "\n\n".join(["See my answers below in red.", head, *[t for _, t in mail.order]]))


SYSTEMS: tuple[Client, ...] = (
    mailing_list, ticket_system, notes, new_message, attached_mail, text_files, struck_out, only_in_html,
    answers_in_red,
)  # fmt: skip
