"""What people and programs do now and then: signatures above quotations, answers below them, files inside the text."""

import html

from bench.mails.clients import Client
from bench.mails.envelope import Envelope, wrapped
from bench.mails.exchange import ADDRESS, SHOP, Exchange, in_turns
from bench.mails.vocabulary import Vocabulary


def signature_above(words: Vocabulary, envelope: Envelope) -> bytes:
    """The signature stands above the quotation, in half of them with more words below it."""
    mail = Exchange.new(words, envelope, ("top",))
    old = [f"> {line}" for text in mail.old for line in wrapped(text)]
    text = "\n".join([*mail.own, "", "-- ", mail.name, "Field Ltd", "", mail.attribution, *old])
    below = f"\n\n{words.own_sentence()}" if words.rng.random() < 0.5 else ""
    return envelope.leaf("text/plain", text + below)


def phone_line_above(words: Vocabulary, envelope: Envelope) -> bytes:
    """The phone's line stands first, and the words below it."""
    return envelope.leaf("text/plain", "\n\n".join(["Sent from my iPhone", *words.own_paragraphs(2)]))


def outlook_phone(words: Vocabulary, envelope: Envelope) -> bytes:
    """Each header of the older letter is a paragraph."""
    mail = Exchange.new(words, envelope, ("top",))
    values = (f"{SHOP} &lt;{ADDRESS}&gt;", "Monday, November 23, 2026 9:05 AM", "Robin Field", "Your order")
    pairs = zip(words.tongue.headers, values, strict=True)
    block = "".join(f"<p><b>{name}:</b> {value}</p>" for name, value in pairs)
    page = (
        f'<div>{mail.paragraphs(mail.own)}</div><div id="ms-outlook-mobile-signature">Get <a href="https://aka.example">'
        f"Outlook for iOS</a></div><hr>{block}{mail.paragraphs(mail.old)}"
    )
    return envelope.leaf("text/html", f"<html><body>{page}</body></html>")


def deep_history(words: Vocabulary, envelope: Envelope) -> bytes:
    """Older letters inside older letters, answers between them."""
    mail = Exchange.new(words, envelope, ("between",))
    turns = in_turns(mail, '<blockquote type="cite"><blockquote type="cite"><div>', "</div></blockquote></blockquote>")
    lines: list[str] = [mail.attribution]
    for mine, text in mail.order:
        lines += [line if mine else f"> > {line}" for line in wrapped(text)] + ["" if mine else ">"]
    if words.rng.random() < 0.5:
        return envelope.leaf("text/html", f"<html><body>{turns}</body></html>")
    return envelope.leaf("text/plain", "\n".join(lines))


def footer_behind_both(words: Vocabulary, envelope: Envelope) -> bytes:
    """Two forms of a text, and a footer of the provider behind them."""
    mail = Exchange.new(words, envelope, ("top",))
    page = f"<html><body>{mail.paragraphs(mail.own)}</body></html>"
    both = envelope.multi(
        "alternative", envelope.leaf("text/plain", "\n\n".join(mail.own)), envelope.leaf("text/html", page)
    )
    notice = f"This message was scanned for viruses. It is confidential. {words.foreign_sentence()}"
    return envelope.multi("mixed", both, envelope.leaf("text/plain", f"\n{notice}\n"))


def files_inside(words: Vocabulary, envelope: Envelope) -> bytes:
    """A file stands inside plain text, as programs sent them before there were parts."""
    data = "M" + "'6%I;" * 12 + "\nM" + "'6%I;" * 12 + "\n`\nend"
    text = (
        f"{words.own_sentence()}\n\nbegin 644 {words.foreign_name().split()[0]}.txt\n{data}\n\n{words.own_sentence()}"
    )
    return envelope.leaf("text/plain", text)


def armoured(words: Vocabulary, envelope: Envelope) -> bytes:
    """A signed text."""
    body = "\n\n".join(words.own_paragraphs(2))
    text = (
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{body}\n\n- -- \n{words.foreign_name()}\n"
        "-----BEGIN PGP SIGNATURE-----\n\niQEzBAEBCAAdFiEEabc\n-----END PGP SIGNATURE-----\n"
    )
    return envelope.leaf("text/plain", text)


def back_without_marks(words: Vocabulary, envelope: Envelope) -> bytes:
    """The older letter stands first, nothing marks where it ends: a person has to read it."""
    mail = Exchange.new(words, envelope, ("bottom",))
    return envelope.leaf("text/plain", "\n\n".join([mail.attribution, *mail.old, *mail.own]))


def mixed_reports(words: Vocabulary, envelope: Envelope) -> bytes:
    """Parts in parts: pictures beside HTML, in one of two forms, before a file, in a message of several."""
    picture = envelope.file("logo.png", "image/png", "inline")
    page = f'<p>{html.escape(words.own_sentence())}</p><img src="cid:logo" width="90">'
    related = envelope.multi("related", envelope.leaf("text/html", page), picture)
    forms = envelope.multi("alternative", envelope.leaf("text/plain", ""), related)
    inside = envelope.multi("mixed", forms, envelope.file("a.pdf"), envelope.leaf("text/plain", words.own_sentence()))
    return envelope.multi("x-unknown", inside, envelope.leaf("text/plain", words.own_sentence()))


ODDITIES: tuple[Client, ...] = (
    signature_above, phone_line_above, outlook_phone, deep_history, footer_behind_both, files_inside, armoured,
    back_without_marks, mixed_reports,
)  # fmt: skip
