"""Tells a supervisor: always in the log, and at a webhook where one is set."""

from datetime import UTC, datetime

import httpx
import structlog

TIMEOUT_S = 5.0


class WebhookSupervisor:
    """`Supervisor` on a log and a webhook (HEADGATE_SUPERVISOR_WEBHOOK_URL).

    The webhook gets `{"subject", "text", "data", "at"}`; `data.alert_id`, where it is there, tells repetitions.
    """

    def __init__(self, url: str | None = None, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url or None
        self._transport = transport
        self._logger = structlog.get_logger("headgate.supervisor")

    async def alert(self, subject: str, text: str, data: dict[str, str]) -> None:
        """Tell once; trouble in telling is logged, not raised."""
        self._logger.warning(
            "alert", subject=subject, text=text, **{f"data_{name}": value for name, value in data.items()}
        )
        if self._url is None:
            return
        body = {"subject": subject, "text": text, "data": data, "at": datetime.now(UTC).isoformat()}
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, transport=self._transport) as client:
                answer = await client.post(self._url, json=body)
                answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            # The URL may hold a secret: only the kind of trouble is logged, and no traceback.
            self._logger.warning("alert not delivered", subject=subject, error=type(error).__name__)
