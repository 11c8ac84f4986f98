"""A mailbox as a source: each message that nobody has seen goes to the gateway's webhook.

A message is marked as seen once the gateway has it on disk, never before; what falls between the two is sent again, and
known again by its id. What the gateway refuses for good is marked, told in the log, and left to a person. What is no
fault of the message (no gateway, no room, a wrong secret) is tried until it goes. Nothing is deleted.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing

import httpx
from pydantic import BaseModel

from client.inflow.message import WebhookMessage, mail_message
from client.sending import wait_asked_for
from client.which import SourceEndpoint
from domain.errors import ConfigurationError, NotReachableError, TransientError, UseError
from domain.inbound.signing import sign
from ports.incoming.mail_folder import MailFolder

_LOG = logging.getLogger("headgate.mailbox")
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0  # between two tries; doubled each time
_LOOK_UP_S = 0.5
_BREAKS = 5  # of the connection, with one message
_TRIES_AT_ONCE = 5  # of one message, where what is there is to be taken and no more
_REQUEST_TIMEOUT_S = 30.0
_OF_THE_MESSAGE = frozenset({400, 409, 413, 415, 422})
"""Answers that no further try changes; all others are about who sends, or about the moment."""


class Taken(BaseModel):
    """What became of the messages: `accepted` are new cases, `duplicates` were there before."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0


class Stop:
    """Whether to end. May be set by a signal's handler, at any line, which `threading.Event` must not."""

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        """Say that it is time to end."""
        self._set = True

    def is_set(self) -> bool:
        """Return whether it is."""
        return self._set

    def wait(self, seconds: float) -> bool:
        """Wait, or until it is time to end; return whether it is."""
        until = time.monotonic() + seconds
        while not self._set and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_UP_S))
        return self._set


class _StoppedError(Exception):
    """It was told to end."""


class MailboxFeed:
    """Takes what a mailbox has to a gateway. For one thread; times in seconds, sizes in bytes."""

    def __init__(
        self,
        open_mailbox: Callable[[], MailFolder],
        find_gateway: Callable[[], tuple[str, SourceEndpoint]],
        *,
        limit_bytes: int,
        every_s: float,
        stop: Stop | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._open = open_mailbox
        self._find = find_gateway
        self._limit = limit_bytes
        self._every_s = every_s
        self._stop = stop or Stop()
        self._http = httpx.Client(timeout=_REQUEST_TIMEOUT_S, transport=transport)
        self._once = False
        self._wait_s = _FIRST_WAIT_S
        self._in_hand: tuple[int, int] | None = None
        self._broke: Counter[tuple[int, int]] = Counter()  # how often the connection broke with a message in hand
        self._told: set[tuple[int, int]] = set()  # refused, where the folder keeps no marks: validity and number
        self._taken = Taken()

    def run(self, *, once: bool = False) -> Taken:
        """Take messages until it is told to stop; with `once` until nothing unseen is left.

        Raises:
            ConfigurationError: the mailbox refuses at the first try.
            NotReachableError: with `once`, the gateway does not take what is no fault of a message.
            TransientError: with `once`, the mailbox cannot be reached.
        """
        self._once = once
        with self._http:
            return self._run_on()

    def _run_on(self) -> Taken:
        connected = False
        while not self._stop.is_set():
            self._in_hand = None
            try:
                with closing(self._open()) as mailbox:
                    connected = True
                    self._work(mailbox)
                    return self._taken
            except _StoppedError:
                return self._taken
            except TransientError as error:
                if self._once and self._in_hand is None:
                    raise
                _LOG.warning("%s; trying again in %.0f s", error, self._wait_s)
                self._count_break()
            except ConfigurationError as error:
                if self._once or not connected:
                    raise
                _LOG.error("%s; trying again in %.0f s", error, self._wait_s)
            self._stop.wait(self._wait_s)
            self._wait_s = min(self._wait_s * 2, _LONGEST_WAIT_S)
        return self._taken

    def _count_break(self) -> None:
        """Leave a message out with which the connection breaks each time: the others must not wait behind it."""
        if self._in_hand is None:
            return
        self._broke[self._in_hand] += 1
        if self._broke[self._in_hand] >= _BREAKS:
            self._told.add(self._in_hand)
            self._taken.refused += 1
            text = "message %d of the mailbox breaks the connection each time: left out until the next start"
            _LOG.error(text, self._in_hand[1])

    def _work(self, mailbox: MailFolder) -> None:
        done: set[int] = set()  # by this connection: a server that forgets a mark makes no endless loop
        while True:
            unseen = mailbox.unseen()
            done &= set(unseen)
            found = [n for n in unseen if n not in done and (mailbox.validity, n) not in self._told]
            for number in found:
                self._in_hand = (mailbox.validity, number)
                self._take(mailbox, number)
                self._in_hand = None
                self._wait_s = _FIRST_WAIT_S
                done.add(number)
            if self._once and not found:
                return
            if not found:
                mailbox.wait(self._every_s, self._stop.is_set)
                self._wait_s = _FIRST_WAIT_S
            if self._stop.is_set():
                raise _StoppedError

    def _take(self, mailbox: MailFolder, number: int) -> None:
        if self._stop.is_set():
            raise _StoppedError
        raw = mailbox.fetch(number, self._limit + 1)
        if raw is None:  # somebody moved it
            return
        why = f"larger than {self._limit} bytes" if len(raw) > self._limit else self._hand_over(raw)
        if not why:
            mailbox.mark_seen(number)
            return
        self._taken.refused += 1
        if not mailbox.mark_refused(number):
            self._told.add((mailbox.validity, number))
        _LOG.error("message %d of the mailbox is refused for good, a person has to look at it: %s", number, why)

    def _hand_over(self, raw: bytes) -> str:
        """Send a message until the gateway has it; return why it never will, empty for all is well."""
        try:
            message = mail_message(raw)
        except ValueError as error:
            return str(error)
        answer = self._answer_about(message)
        if answer.status_code == 409 and message.other_id:
            answer = self._answer_about(message.model_copy(update={"event_id": message.other_id}))
        content = _json_object(answer)
        if not _is_taken(answer):
            return f"{answer.status_code} {content.get('code', '')}: {content.get('detail', '')}"[:300]
        if content.get("duplicate"):
            self._taken.duplicates += 1
        else:
            self._taken.accepted += 1
        _LOG.info("taken: %s", content.get("case_id"))
        return ""

    def _answer_about(self, message: WebhookMessage) -> httpx.Response:
        """Return the first answer that is about the message itself; wait as long as there is none."""
        wait_s, tries = _FIRST_WAIT_S, 0
        while True:
            answer, said = self._post(message)
            if answer is not None and (_is_taken(answer) or answer.status_code in _OF_THE_MESSAGE):
                return answer
            tries += 1
            if self._once and tries >= _TRIES_AT_ONCE:
                raise NotReachableError(f"the gateway takes nothing: {said}; what is left stays unseen in the mailbox")
            pause_s = wait_s if answer is None else wait_asked_for(answer, wait_s)
            _LOG.warning("%s; trying again in %.0f s", said, pause_s)
            if self._stop.wait(pause_s):
                raise _StoppedError
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    def _post(self, message: WebhookMessage) -> tuple[httpx.Response | None, str]:
        """Send once, to where the gateway is by now; return its answer, and what to say of one that is no good."""
        try:
            gateway, target = self._find()
            headers = {"content-type": message.content_type, **sign(target.secret, message.event_id, message.body)}
            answer = self._http.post(f"{gateway}/webhooks/{target.name}", content=message.body, headers=headers)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            return None, f"no answer from the gateway at {gateway}: {type(error).__name__}"
        except (UseError, ConfigurationError, ValueError) as error:
            return None, str(error)
        if answer.is_success and not _is_taken(answer):
            return answer, f"{gateway} answers {answer.status_code} without a case: that is no gateway of Headgate"
        code = _json_object(answer).get("code", "")
        return answer, f"the gateway at {gateway} answers {answer.status_code} {code}".strip()


def _is_taken(answer: httpx.Response) -> bool:
    """Return whether the gateway has it on disk: others answer 200, too, such as the login page of a network."""
    return answer.status_code == httpx.codes.ACCEPTED and bool(_json_object(answer).get("case_id"))


def _json_object(answer: httpx.Response) -> dict[str, object]:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
