"""Words to people: in the log, and at a webhook where one is set."""

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus

import httpx
import structlog

from adapters.models.wires.retry_after import told_to_wait, wait_seconds
from domain.errors import ConfigurationError, RefusedError, ToldToWaitError, TransientError

TIMEOUT_S = 5.0  # for each part of the exchange
DELIVERED_WITHIN_S = 7.0  # for all of it, byte by byte too; a worker that stops gives it eight seconds
URL_SETTING = "HEADGATE_SUPERVISOR_WEBHOOK_URL"

_TIME_MENDS = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY})
_OF_THE_ADDRESS = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.PAYMENT_REQUIRED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.GONE,
    }
)


class WebhookNotifier:
    """`Notifier` on a log and a webhook (HEADGATE_SUPERVISOR_WEBHOOK_URL); without one the log is all there is.

    The webhook gets `{"subject", "text", "data", "at"}`; `data.alert_id`, or `data.alert_ids` of a message on several,
    a line each, tells repetitions.
    """

    def __init__(self, url: str | None = None, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url or None
        self._transport = transport
        self._logger = structlog.get_logger("headgate.notifier")
        if self._url is None:
            self._logger.warning("words to people go to this log only", remedy=f"set {URL_SETTING}")

    async def send(self, subject: str, text: str, data: dict[str, str]) -> None:
        """Send one message; returns once it was taken.

        Raises:
            ToldToWaitError: not delivered; the webhook named the time for the next try.
            TransientError: not delivered; time mends it.
            ConfigurationError: not delivered; the address or the credentials are wrong.
            RefusedError: not delivered because of what is in this message.
        """
        if self._url is not None:
            try:
                await self._post(self._url, {"subject": subject, "text": text, "data": data})
            except Exception as error:
                # The URL may hold a secret: no traceback, and none of the messages below repeats it.
                self._logger.warning("not delivered", subject=subject, error=str(error))
                raise
        told = {f"data_{name}": value for name, value in data.items()}
        self._logger.warning("told", subject=subject, text=text, **told)

    async def _post(self, url: str, message: dict[str, object]) -> None:
        body = {**message, "at": datetime.now(UTC).isoformat()}
        try:
            async with (
                asyncio.timeout(DELIVERED_WITHIN_S),
                httpx.AsyncClient(timeout=TIMEOUT_S, transport=self._transport) as client,
            ):
                answer = await client.post(url, json=body)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ConfigurationError(f"{URL_SETTING} is no address: expected https://…") from error
        except (httpx.HTTPError, OSError) as error:  # asyncio's TimeoutError is an OSError
            raise TransientError(f"the webhook for words to people: {type(error).__name__}") from error
        raise_for_answer(answer)


def raise_for_answer(answer: httpx.Response) -> None:
    """Say what the webhook's answer means for the next try.

    Raises:
        ToldToWaitError, TransientError, ConfigurationError, RefusedError: it did not take the message.
    """
    status = answer.status_code
    if answer.is_success:
        return
    said = f"the webhook for words to people answered {status}"
    wait_s = wait_seconds(answer.headers)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        raise told_to_wait(said, wait_s)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TIME_MENDS:
        if wait_s is not None:
            raise ToldToWaitError(said, wait_s)
        raise TransientError(said)
    if status < HTTPStatus.BAD_REQUEST or status in _OF_THE_ADDRESS:
        raise ConfigurationError(f"{said}: look at {URL_SETTING}")
    raise RefusedError(said)
