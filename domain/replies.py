"""What customers are told, in their language where we have it, in English where not.

Replies about money are written here, from what was decided, never by a model.
"""

from collections.abc import Mapping, Sequence

from domain.letter_rules import leads_elsewhere
from domain.letters import (
    ApprovalExpired,
    ApprovalRejected,
    ArticleAnswer,
    DetailsAsked,
    Draft,
    DraftedReply,
    Letter,
    PersonAnswer,
    RefundDenied,
    RefundPaid,
)
from domain.money.refund import Rule

_GREETING = {
    "en": ("Hello,", "Kind regards\nCustomer care"),
    "de": ("Guten Tag,", "Freundliche Grüße\nIhr Kundendienst"),
    "fr": ("Bonjour,", "Cordialement\nLe service client"),
    "es": ("Hola:", "Un saludo\nAtención al cliente"),
}

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "subject": "Your message to us",
        "refunded": "we have refunded {money} for order {order}. It goes back to the payment method you paid with, usually within 5 to 10 days.",
        "partial": "This is the part of the payment that our policy provides for in such a case.",
        "approved": "A colleague has checked and approved the refund.",
        "rejected": "a colleague has looked at your request for a refund of {money} for order {order} and could not approve it.",
        "rejected_why": "The reason given: {reason}",
        "expired": "we could not complete the check of your request for a refund of {money} for order {order} in time, so nothing was paid. "
        "Please answer this message if you want us to look at it again.",
        "ask_customer": "we could not find your account. Please tell us the customer number or the e-mail address that you ordered with.",
        "ask_order_id": "please tell us which order this is about (the order number is in your confirmation, for example ORD-12345).",
        "ask_candidates": "Your latest orders are: {orders}.",
        "denied": "we have checked your request for a refund and cannot grant it.",
        "article": "this is what we know about it:",
        "steps": "Please try these steps, in this order:",
        "unsolved": "If this does not help, answer this message and a colleague will take over.",
        "at_once": "Answer it at once if {when}.",
        "source": "(This answer relies on our article {article}.)",
    },
    "de": {
        "subject": "Ihre Nachricht an uns",
        "refunded": "wir haben Ihnen {money} für die Bestellung {order} erstattet. Das Geld geht auf das Zahlungsmittel zurück, mit dem Sie "
        "bezahlt haben, in der Regel innerhalb von 5 bis 10 Tagen.",
        "partial": "Das ist der Teil der Zahlung, den unsere Regeln in einem solchen Fall vorsehen.",
        "approved": "Eine Kollegin oder ein Kollege hat die Erstattung geprüft und freigegeben.",
        "rejected": "wir haben Ihren Wunsch nach einer Erstattung von {money} für die Bestellung {order} geprüft und konnten ihm nicht entsprechen.",
        "rejected_why": "Die Begründung: {reason}",
        "expired": "wir konnten Ihren Wunsch nach einer Erstattung von {money} für die Bestellung {order} nicht rechtzeitig prüfen, daher wurde "
        "nichts gezahlt. Bitte antworten Sie auf diese Nachricht, wenn wir es noch einmal ansehen sollen.",
        "ask_customer": "wir konnten Ihr Kundenkonto nicht finden. Bitte nennen Sie uns Ihre Kundennummer oder die E-Mail-Adresse Ihrer Bestellung.",
        "ask_order_id": "bitte nennen Sie uns die Bestellnummer (sie steht in Ihrer Bestätigung, zum Beispiel ORD-12345).",
        "ask_candidates": "Ihre letzten Bestellungen sind: {orders}.",
        "denied": "wir haben Ihren Wunsch nach einer Erstattung geprüft und können ihm nicht entsprechen.",
        "article": "das wissen wir dazu:",
        "steps": "Bitte versuchen Sie diese Schritte der Reihe nach:",
        "unsolved": "Wenn das nicht hilft, antworten Sie bitte auf diese Nachricht, dann übernimmt eine Kollegin oder ein Kollege.",
        "at_once": "Antworten Sie sofort, wenn dies zutrifft: {when}.",
        "source": "(Diese Antwort stützt sich auf unseren Artikel {article}.)",
    },
    "fr": {
        "subject": "Votre message",
        "refunded": "nous vous avons remboursé {money} pour la commande {order}. La somme revient sur le moyen de paiement utilisé, en général "
        "sous 5 à 10 jours.",
        "partial": "C'est la part du paiement que nos règles prévoient dans un tel cas.",
        "approved": "Une personne de notre équipe a vérifié et approuvé le remboursement.",
        "rejected": "nous avons examiné votre demande de remboursement de {money} pour la commande {order} et n'avons pas pu l'accepter.",
        "rejected_why": "Motif : {reason}",
        "expired": "nous n'avons pas pu examiner à temps votre demande de remboursement de {money} pour la commande {order} ; rien n'a donc été "
        "payé. Répondez à ce message si vous souhaitez un nouvel examen.",
        "ask_customer": "nous n'avons pas trouvé votre compte. Merci d'indiquer votre numéro de client ou l'adresse e-mail de la commande.",
        "ask_order_id": "merci d'indiquer le numéro de la commande (il figure dans la confirmation, par exemple ORD-12345).",
        "ask_candidates": "Vos dernières commandes : {orders}.",
        "denied": "nous avons examiné votre demande de remboursement et ne pouvons pas l'accepter.",
        "article": "voici ce que nous savons à ce sujet :",
        "steps": "Merci d'essayer ces étapes, dans cet ordre :",
        "unsolved": "Si cela ne suffit pas, répondez à ce message : une personne de l'équipe prendra le relais.",
        "at_once": "Répondez tout de suite dans ce cas : {when}.",
        "source": "(Cette réponse s'appuie sur notre article {article}.)",
    },
    "es": {
        "subject": "Su mensaje",
        "refunded": "le hemos reembolsado {money} del pedido {order}. El importe vuelve al medio de pago que usó, normalmente en 5 a 10 días.",
        "partial": "Es la parte del pago que nuestras reglas prevén en un caso así.",
        "approved": "Una persona del equipo ha revisado y aprobado el reembolso.",
        "rejected": "hemos revisado su solicitud de reembolso de {money} del pedido {order} y no hemos podido aprobarla.",
        "rejected_why": "Motivo: {reason}",
        "expired": "no pudimos revisar a tiempo su solicitud de reembolso de {money} del pedido {order}, así que no se ha pagado nada. Responda a "
        "este mensaje si quiere que la revisemos de nuevo.",
        "ask_customer": "no hemos encontrado su cuenta. Díganos su número de cliente o el correo con el que hizo el pedido.",
        "ask_order_id": "díganos de qué pedido se trata (el número figura en su confirmación, por ejemplo ORD-12345).",
        "ask_candidates": "Sus últimos pedidos son: {orders}.",
        "denied": "hemos revisado su solicitud de reembolso y no podemos concederla.",
        "article": "esto es lo que sabemos:",
        "steps": "Pruebe estos pasos, en este orden:",
        "unsolved": "Si no le ayuda, responda a este mensaje y una persona del equipo le atenderá.",
        "at_once": "Responda enseguida en este caso: {when}.",
        "source": "(Esta respuesta se basa en nuestro artículo {article}.)",
    },
}

# One wording for "no such order" and "not yours": the difference would tell strangers which orders exist.
_NO_SUCH_ORDER = {
    "en": "We could not find this order under your account.",
    "de": "Wir konnten diese Bestellung unter Ihrem Konto nicht finden.",
    "fr": "Nous n'avons pas trouvé cette commande dans votre compte.",
    "es": "No hemos encontrado este pedido en su cuenta.",
}

_WHY_DENIED: Mapping[Rule, Mapping[str, str]] = {
    Rule.ORDER_NOT_FOUND: _NO_SUCH_ORDER,
    Rule.NOT_THE_OWNER: _NO_SUCH_ORDER,
    Rule.NO_CHARGE: {
        "en": "No payment was taken for this order.",
        "de": "Für diese Bestellung wurde nichts abgebucht.",
        "fr": "Aucun paiement n'a été encaissé pour cette commande.",
        "es": "No se ha cobrado nada por este pedido.",
    },
    Rule.ALREADY_REFUNDED: {
        "en": "The payment has been refunded in full already.",
        "de": "Die Zahlung wurde bereits vollständig erstattet.",
        "fr": "Le paiement a déjà été remboursé en totalité.",
        "es": "El pago ya se ha reembolsado por completo.",
    },
    Rule.NOTHING_LEFT: {
        "en": "There is nothing left of this payment to refund.",
        "de": "Von dieser Zahlung ist nichts mehr zu erstatten.",
        "fr": "Il ne reste rien à rembourser sur ce paiement.",
        "es": "No queda nada por reembolsar de este pago.",
    },
    Rule.WINDOW_PASSED: {
        "en": "The time in which our policy allows a refund has passed.",
        "de": "Die Frist für eine Erstattung ist abgelaufen.",
        "fr": "Le délai de remboursement est dépassé.",
        "es": "El plazo para el reembolso ha pasado.",
    },
    Rule.NO_DUPLICATE: {
        "en": "We see one payment for this order, not two.",
        "de": "Wir sehen für diese Bestellung eine Zahlung, nicht zwei.",
        "fr": "Nous voyons un seul paiement pour cette commande, pas deux.",
        "es": "Vemos un solo pago de este pedido, no dos.",
    },
    Rule.CHARGED_AS_ORDERED: {
        "en": "The amount charged is the amount of the order.",
        "de": "Abgebucht wurde der Betrag der Bestellung.",
        "fr": "Le montant débité est celui de la commande.",
        "es": "El importe cobrado es el del pedido.",
    },
    Rule.ON_ITS_WAY: {
        "en": "The order is still on its way and not overdue.",
        "de": "Die Bestellung ist noch unterwegs und nicht überfällig.",
        "fr": "La commande est encore en route et n'est pas en retard.",
        "es": "El pedido sigue en camino y no lleva retraso.",
    },
    Rule.NOT_DELIVERED_YET: {
        "en": "The order has not been delivered yet.",
        "de": "Die Bestellung ist noch nicht zugestellt.",
        "fr": "La commande n'a pas encore été livrée.",
        "es": "El pedido aún no se ha entregado.",
    },
    Rule.NOT_LATE: {
        "en": "The order arrived by the promised day.",
        "de": "Die Bestellung kam bis zum zugesagten Tag an.",
        "fr": "La commande est arrivée au jour promis.",
        "es": "El pedido llegó en la fecha prometida.",
    },
}


def _lang(lang: str) -> str:
    return lang if lang in _TEXTS else "en"


def _letter(lang: str, subject: str, paragraphs: Sequence[str], relied_on: Sequence[str] = ()) -> Draft:
    hello, bye = _GREETING[lang]
    return Draft(
        subject=f"Re: {subject}" if subject and not leads_elsewhere(subject) else _TEXTS[lang]["subject"],
        text="\n\n".join([hello, *[p for p in paragraphs if p], bye]),
        relied_on=list(relied_on),
    )


def write(letter: Letter, *, lang: str, subject: str) -> Draft:
    """Put a letter into words, in the customer's language where we have it, in English where not."""
    lang = _lang(lang)
    t = _TEXTS[lang]
    match letter:
        case RefundPaid():
            said = t["refunded"].format(money=letter.money, order=letter.order_id)
            extent = t["partial"] if letter.partial else ""
            return _letter(lang, subject, [said, extent, t["approved"] if letter.approved else ""])
        case RefundDenied():
            return _letter(lang, subject, [t["denied"], _WHY_DENIED.get(letter.rule, {}).get(lang, "")])
        case DetailsAsked():
            asked = [t[f"ask_{name}"] for name in letter.missing]
            if letter.candidate_orders:
                asked.append(t["ask_candidates"].format(orders=", ".join(letter.candidate_orders)))
            return _letter(lang, subject, asked)
        case ApprovalRejected():
            said = t["rejected"].format(money=letter.money, order=letter.order_id)
            return _letter(
                lang, subject, [said, t["rejected_why"].format(reason=letter.reason) if letter.reason else ""]
            )
        case ApprovalExpired():
            return _letter(lang, subject, [t["expired"].format(money=letter.money, order=letter.order_id)])
        case ArticleAnswer():
            return _article_answer(lang, subject, letter)
        case PersonAnswer():
            return _letter(lang, subject, [letter.text])
        case DraftedReply():
            return Draft(subject=letter.subject, text=letter.text)


def _article_answer(lang: str, subject: str, letter: ArticleAnswer) -> Draft:
    t, article = _TEXTS[lang], letter.article
    numbered = "\n".join(f"{n}. {step}" for n, step in enumerate(article.steps, 1))
    source = f"{article.article_id} v{article.version}"
    return _letter(
        lang,
        subject,
        [
            f"{t['article']} {article.cause}",
            f"{t['steps']}\n{numbered}" if numbered else "",
            t["unsolved"] + (f" {t['at_once'].format(when=article.escalate_if)}" if article.escalate_if else ""),
            t["source"].format(article=source),
        ],
        [source],
    )
