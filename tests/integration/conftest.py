"""A gateway that runs."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.app import GatewaySettings, create_gateway
from gateway.webhooks.sources import SourceRegistry, ensure_sources
from tests.integration.gateway_served import BODY_TIMEOUT_S, MAX_BYTES, TOKEN, Gateway, Pen, running


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    sources = tmp_path / "sources.json"
    secret = ensure_sources(sources, ["shop"])["shop"]
    content = json.loads(sources.read_bytes())
    content["sources"] += [
        {"name": "printer", "scheme": "token", "secrets": [TOKEN]},
        {"name": "slow", "secrets": [secret], "rate_per_s": 0.5, "burst": 2},
        {"name": "acme", "secrets": [secret], "tenants": ["acme", "acme-eu"]},
        {"name": "mail", "secrets": [secret]},
        {"name": "desk", "secrets": [secret], "fields": {"text": ["ticket.words"], "customer_email": "who"}},
        {"name": "early", "secrets": [secret], "signed": "decoded"},
        {"name": "loose", "secrets": [secret], "malformed": "take", "tenants": ["acme"]},
        {
            "name": "loose-desk",
            "scheme": "token",
            "secrets": [TOKEN],
            "malformed": "take",
            "fields": {"text": ["t.words"]},
        },
        {"name": "post", "scheme": "token", "secrets": [TOKEN], "format": "postmark"},
    ]
    sources.write_text(json.dumps(content))
    sources.chmod(0o600)
    pen = Pen(tmp_path / "inbox.db", put_timeout_s=1.0)
    settings = GatewaySettings(body_limit_bytes=MAX_BYTES, body_timeout_s=BODY_TIMEOUT_S)
    app = create_gateway(pen, SourceRegistry(sources), settings=settings)
    with running(app) as url:
        found = Gateway(url, pen, sources, secret)
        yield found
        # After every bad input the next good webhook is accepted.
        pen.failure = None
        answer = found.post(b'{"text": "the next good one"}', "evt_next_good")
        assert answer.status_code == 202
        assert answer.json() == {"case_id": "case/shop/evt_next_good", "event_id": "evt_next_good", "duplicate": False}
        found.http.close()
    asyncio.run(pen.close())
