"""The field names of services that cannot be told ours: one row each, and the marks by which a body is recognised.

A mark is a set of fields that nobody sends by chance. What a service lets its users' customers write (Mailgun posts
every header of a mail as a field) is never read by our own names, only by the paths here.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from domain.inbound.formats.paths import values_at

Document = Mapping[str, object]
Paths = Mapping[str, tuple[str, ...]]


class ServiceFormat(NamedTuple):
    """A service: where its fields are, whether a body is unmistakably its, and whether a customer wrote it.

    `whole`: where it has no words, the document itself is the message, for a person to see, but for `deliveries`: its
    top-level fields that say how it is delivered, and differ from one delivery of an event to the next.
    """

    paths: Paths
    shows: Callable[[Document, bool], bool]  # the document, and whether it came as a form
    not_a_customer: Callable[[Document], bool] = lambda _: False
    channel: str = "web"
    whole: bool = False
    deliveries: frozenset[str] = frozenset()


def recognise(document: Document, *, form: bool) -> list[str]:
    """Return the services that a body is unmistakably of.

    >>> recognise({"From": "a@example.com", "Subject": "x", "TextBody": "hi"}, form=False)
    ['postmark']
    """
    return [name for name, service in FORMATS.items() if service.shows(document, form)]


def _is_postmark(document: Document, form: bool) -> bool:
    return not form and _text(document, "From") and ("TextBody" in document or "HtmlBody" in document)


def _is_mailgun(document: Document, form: bool) -> bool:
    has_body = any(name in document for name in ("body-plain", "body-html", "body-mime"))
    return form and has_body and (_text(document, "sender") or _text(document, "from"))


def _is_sendgrid(document: Document, form: bool) -> bool:
    if not form:
        return False
    mail = document.get("email")
    raw = isinstance(mail, bytes) and "text" not in document and "html" not in document
    posted = "charsets" in document or ("envelope" in document and "headers" in document)
    return raw or (posted and _text(document, "from"))


def _is_zendesk(document: Document, form: bool) -> bool:
    kind = document.get("type")
    event = isinstance(kind, str) and kind.startswith("zen:event-type:")
    return not form and event and isinstance(document.get("detail"), Mapping)


def _is_intercom(document: Document, form: bool) -> bool:
    about = any(str(document.get(name, "")).startswith("conversation.") for name in ("type", "topic"))
    return not form and about and bool(values_at(document, "data.item.source") or values_at(document, _PARTS))


def _is_freshdesk(document: Document, form: bool) -> bool:
    return not form and isinstance(document.get("freshdesk_webhook"), Mapping)


def _by_an_agent(document: Document) -> bool:
    by_staff = values_at(document, "event.comment.author.is_staff")
    public = values_at(document, "event.comment.is_public")
    return True in by_staff or False in public


def _by_an_admin(document: Document) -> bool:
    topic = str(document.get("topic", document.get("type", "")))
    writers = values_at(document, f"{_PARTS}.*.author.type") or values_at(document, "data.item.source.author.type")
    return topic.startswith("conversation.admin.") or (bool(writers) and writers[-1] in ("admin", "bot", "team"))


def _is_told(_: Document, __: bool) -> bool:
    """Say that a body is never known as this service's without a source that says so."""
    return False


def _by_a_slack_bot(document: Document) -> bool:
    return bool(values_at(document, "event.bot_id")) or values_at(document, "event.subtype") == ["bot_message"]


def _by_a_github_bot(document: Document) -> bool:
    return values_at(document, "sender.type") == ["Bot"]


def _text(document: Document, name: str) -> bool:
    value = document.get(name)
    return isinstance(value, str) and bool(value.strip())


_PARTS = "data.item.conversation_parts.conversation_parts"

FORMATS: Mapping[str, ServiceFormat] = {
    "postmark": ServiceFormat(
        {
            "text": ("TextBody", "StrippedTextReply"),
            "html": ("HtmlBody",),
            "subject": ("Subject",),
            "customer_email": ("FromFull.Email", "From"),
            "customer_name": ("FromFull.Name", "FromName"),
            "message_id": ("MessageID",),
            "headers": ("Headers",),
            "attachments": ("Attachments",),
        },
        _is_postmark,
        channel="email",
    ),
    "mailgun": ServiceFormat(
        {
            # The stripped text leaves out what Mailgun takes for a quotation; cleaning does that here, and says so.
            "text": ("body-plain", "stripped-text"),
            "html": ("body-html", "stripped-html"),
            "mail": ("body-mime",),
            "subject": ("subject", "Subject"),
            "customer_email": ("from", "From", "sender"),
            "message_id": ("Message-Id", "message-id"),
            "headers": ("message-headers",),
            "attachments": ("attachments",),
        },
        _is_mailgun,
        channel="email",
    ),
    "sendgrid": ServiceFormat(
        {
            "text": ("text",),
            "html": ("html",),
            "mail": ("email",),
            "subject": ("subject",),
            "customer_email": ("from",),
            "headers": ("headers",),
            "attachments": ("attachments",),
        },
        _is_sendgrid,
        channel="email",
    ),
    "zendesk": ServiceFormat(
        {
            "text": ("event.comment.body", "detail.description", "ticket.comment.body", "ticket.latest_comment",
                     "ticket.description"),
            "subject": ("detail.subject", "ticket.subject", "ticket.title"),
            "customer_email": ("ticket.requester.email", "requester.email"),
            "customer_name": ("ticket.requester.name", "requester.name"),
            "thread_id": ("detail.id", "ticket.id"),
            "event_id": ("id",),
        },
        _is_zendesk,
        _by_an_agent,
    ),
    "intercom": ServiceFormat(
        {
            "html": (f"{_PARTS}.*.body", "data.item.source.body"),
            "subject": ("data.item.source.subject", "data.item.title"),
            "customer_email": (f"{_PARTS}.0.author.email", "data.item.source.author.email"),
            "customer_name": (f"{_PARTS}.0.author.name", "data.item.source.author.name"),
            "thread_id": ("data.item.id", "conversation_id"),
            "event_id": ("id",),
        },
        _is_intercom,
        _by_an_admin,
    ),
    "freshdesk": ServiceFormat(
        {
            # Its latest comment may be an agent's: only what the ticket began with is the customer's for sure.
            "text": ("freshdesk_webhook.ticket_description_text",),
            "html": ("freshdesk_webhook.ticket_description",),
            "subject": ("freshdesk_webhook.ticket_subject",),
            "customer_email": ("freshdesk_webhook.ticket_requester_email",),
            "customer_name": ("freshdesk_webhook.ticket_requester_name",),
            "thread_id": ("freshdesk_webhook.ticket_id",),
        },
        _is_freshdesk,
    ),
    "slack": ServiceFormat(
        {
            "text": ("event.text", "text"),
            "customer_name": ("user_name",),
            "thread_id": ("event.thread_ts", "event.ts"),
            "attachments": ("event.files",),
        },
        _is_told,
        _by_a_slack_bot,
        channel="chat",
    ),
    "github": ServiceFormat(
        {
            "text": ("comment.body", "review.body", "issue.body", "discussion.body", "pull_request.body"),
            "subject": ("issue.title", "discussion.title", "pull_request.title"),
            "customer_name": ("sender.login",),
            "thread_id": ("issue.html_url", "discussion.html_url", "pull_request.html_url"),
        },
        _is_told,
        _by_a_github_bot,
        whole=True,
    ),
    "shopify": ServiceFormat(
        {
            "text": ("note",),
            "customer_email": ("customer.email", "contact_email", "email"),
            "customer_name": ("customer.first_name",),
        },
        _is_told,
        whole=True,
    ),
    "stripe": ServiceFormat(
        {
            "subject": ("type",),
            "customer_email": ("data.object.billing_details.email", "data.object.customer_email",
                               "data.object.receipt_email", "data.object.email"),
            "customer_name": ("data.object.billing_details.name",),
        },
        _is_told,
        whole=True,
        deliveries=frozenset({"pending_webhooks", "request"}),
    ),
    "twilio": ServiceFormat(
        {"text": ("Body",), "customer_name": ("ProfileName",), "attachments": ("MediaUrl0",)},
        _is_told,
        channel="sms",
    ),
}  # fmt: skip
