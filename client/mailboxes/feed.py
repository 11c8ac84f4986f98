"""A mailbox as a source: each message that nobody has seen goes to the gateway's webhook.

A message is marked as seen once the gateway has it on disk, never before; what falls between the two is sent again, and
known again by its id. What the gateway refuses for good is marked, told in the log, and left to a person. What is no
fault of the message (no gateway, no room, a wrong secret) is tried until it goes. Nothing is deleted. A message about
which there is no final answer is left for a while, so that none stops the others.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing

import httpx
from pydantic import BaseModel

from client.inflow.message import WebhookMessage, mail_message
from client.sending import said_of, wait_asked_for
from client.which import SourceEndpoint
from domain.errors import ConfigurationError, NotReachableError, TransientError, UseError
from domain.inbound.signing import sign
from ports.incoming.mail_folder import MailFolder

_LOG = logging.getLogger("headgate.mailbox")
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0  # between two tries; doubled each time
_LOOK_UP_S = 0.5
_BREAKS = 5  # of the connection, with one message
_TRIES_AT_ONCE = 5  # of one message without any answer, where what is there is to be taken and no more
_ANSWERS = 5  # about one message that are not final, before the others have their turn
_LEFT_S = 300.0  # for so long
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open = open_mailbox
        self._find = find_gateway
        self._limit = limit_bytes
        self._every_s = every_s
        self._stop = stop or Stop()
        self._http = httpx.Client(timeout=_REQUEST_TIMEOUT_S, transport=transport)
        self._clock = clock
        self._once = False
        self._wait_s = _FIRST_WAIT_S
        self._pause_s = 0.0  # before the gateway is asked again
        self._next_pause_s = _FIRST_WAIT_S
        self._flows = True  # the gateway's last answer was final; otherwise each message is tried once
        self._left_until: dict[tuple[int, int], float] = {}
        self._left_because = ""
        self._in_hand: tuple[int, int] | None = None
        self._broke: Counter[tuple[int, int]] = Counter()  # how often the connection broke with a message in hand
        self._told: set[tuple[int, int]] = set()  # refused, where the folder keeps no marks: validity and number
        self._taken = Taken()

    def run(self, *, once: bool = False) -> Taken:
        """Take messages until it is told to stop; with `once` until nothing unseen is left.

        Raises:
            ConfigurationError: the mailbox refuses at the first try.
            NotReachableError: with `once`, no gateway answers; or all was tried, and about a message there was no final
                answer.
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
            found = self._due(mailbox.validity, [n for n in unseen if n not in done])
            for number in found:
                self._in_hand = (mailbox.validity, number)
                if self._take(mailbox, number):
                    self._left_until.pop(self._in_hand, None)
                    done.add(number)
                self._in_hand = None
                self._wait_s = _FIRST_WAIT_S
            if self._once and not found:
                if self._left_until:
                    raise self._not_taken(self._left_because)
                return
            if not found:
                mailbox.wait(self._look_again_s(), self._stop.is_set)
                self._wait_s = _FIRST_WAIT_S
            if self._stop.is_set():
                raise _StoppedError

    def _due(self, validity: int, numbers: list[int]) -> list[int]:
        """Return the messages whose turn it is, those last that were left before."""
        keys = [(validity, number) for number in numbers if (validity, number) not in self._told]
        left, now = self._left_until, self._clock()
        due = [key for key in keys if key not in left or (left[key] <= now and not self._once)]
        return [number for _, number in sorted(due, key=lambda key: (key in left, key))]

    def _look_again_s(self) -> float:
        now = self._clock()
        return min([self._every_s, *(until - now for until in self._left_until.values() if until > now)])

    def _take(self, mailbox: MailFolder, number: int) -> bool:
        """Take a message; return whether that is done, False where it is left for later."""
        if self._stop.is_set():
            raise _StoppedError
        raw = mailbox.fetch(number, self._limit + 1)
        if raw is None:  # somebody moved it
            return True
        why = f"larger than {self._limit} bytes" if len(raw) > self._limit else self._hand_over(raw)
        if why is None:
            self._leave((mailbox.validity, number))
            return False
        if not why:
            mailbox.mark_seen(number)
            return True
        self._taken.refused += 1
        if not mailbox.mark_refused(number):
            self._told.add((mailbox.validity, number))
        _LOG.error("message %d of the mailbox is refused for good, a person has to look at it: %s", number, why)
        return True

    def _leave(self, message: tuple[int, int]) -> None:
        self._flows = False
        self._left_until[message] = self._clock() + _LEFT_S
        text = "message %d of the mailbox has no final answer, it is left for %.0f s: %s"
        _LOG.warning(text, message[1], _LEFT_S, self._left_because)

    def _hand_over(self, raw: bytes) -> str | None:
        """Send a message until the gateway has it; return why it never will, empty if all is well, None if not now."""
        try:
            message = mail_message(raw)
        except ValueError as error:
            return str(error)
        answer = self._answer_about(message)
        if answer is not None and answer.status_code == 409 and message.other_id:
            answer = self._answer_about(message.model_copy(update={"event_id": message.other_id}))
        if answer is None:
            return None
        content = _json_object(answer)
        if not _is_taken(answer):
            return f"{answer.status_code} {content.get('code', '')}: {content.get('detail', '')}"[:300]
        if content.get("duplicate"):
            self._taken.duplicates += 1
        else:
            self._taken.accepted += 1
        _LOG.info("taken: %s", content.get("case_id"))
        return ""

    def _answer_about(self, message: WebhookMessage) -> httpx.Response | None:
        """Return the first answer that is about the message itself, None where there are too many others.

        As long as nobody answers it waits.
        """
        answers, silences = 0, 0
        while True:
            if self._pause_s and self._stop.wait(self._pause_s):
                raise _StoppedError
            answer, said = self._post(message)
            if answer is not None and (_is_taken(answer) or answer.status_code in _OF_THE_MESSAGE):
                self._pause_s, self._next_pause_s, self._flows = 0.0, _FIRST_WAIT_S, True
                return answer
            self._pause_s = self._next_pause_s if answer is None else wait_asked_for(answer, self._next_pause_s)
            self._next_pause_s = min(self._next_pause_s * 2, _LONGEST_WAIT_S)
            _LOG.warning("%s; the next try is in %.0f s", said, self._pause_s)
            if answer is None:
                silences += 1
                if self._once and silences >= _TRIES_AT_ONCE:
                    raise self._not_taken(said)
                continue
            answers += 1
            if answers >= (_ANSWERS if self._flows else 1):
                self._left_because = said
                return None

    @staticmethod
    def _not_taken(said: str) -> NotReachableError:
        return NotReachableError(
            f"the gateway does not take everything: {said}; what is left stays unseen in the mailbox"
        )

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
        return answer, f"the gateway at {gateway} answers {said_of(answer)}"


def _is_taken(answer: httpx.Response) -> bool:
    """Return whether the gateway has it on disk: others answer 200, too, such as the login page of a network."""
    return answer.status_code == httpx.codes.ACCEPTED and bool(_json_object(answer).get("case_id"))


def _json_object(answer: httpx.Response) -> dict[str, object]:
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
