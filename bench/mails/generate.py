"""The mails: for each a client or system and a charset, in turn, all from one seed."""

from collections.abc import Iterator
from random import Random

from bench.mails import clients
from bench.mails.clients import Client
from bench.mails.envelope import Envelope, Letter
from bench.mails.oddities import ODDITIES
from bench.mails.systems import SYSTEMS
from bench.mails.vocabulary import TONGUES, Vocabulary

SEED = 20261124
CLIENTS: tuple[Client, ...] = (
    clients.gmail, clients.gmail_html, clients.outlook_desktop, clients.outlook_web, clients.apple,
    clients.apple_flowed, clients.thunderbird, clients.thunderbird_html, clients.roundcube, clients.plain_answer,
    clients.exchange_server, clients.phone, clients.android, clients.yahoo, clients.proton, *SYSTEMS,
    *ODDITIES,
)  # fmt: skip


def letters(count: int, seed: int = SEED) -> Iterator[Letter]:
    """Yield so many mails; the same for the same seed."""
    rng = Random(seed)
    for number in range(count):
        client = CLIENTS[number % len(CLIENTS)]
        tongue = rng.choice(TONGUES)
        words, envelope = Vocabulary(rng, tongue), Envelope(rng, tongue.label, tongue.codec)
        raw = envelope.message(client(words, envelope))
        yield Letter(client.__name__, tongue.label, raw, frozenset(words.own), frozenset(words.foreign))
