"""The gateway: takes webhooks in, and shows people the approvals that wait for them."""

from client.gateway.app import GatewaySettings, create_gateway
from client.gateway.approvers import ApproverRegistry, ensure_approvers
from client.gateway.desk import ApprovalDesk
from client.gateway.serving import settle_memory, uvicorn_options
from client.gateway.sessions import ensure_session_key
from client.gateway.sources import Scheme, Source, SourceRegistry, ensure_sources

__all__ = [
    "ApprovalDesk",
    "ApproverRegistry",
    "GatewaySettings",
    "Scheme",
    "Source",
    "SourceRegistry",
    "create_gateway",
    "ensure_approvers",
    "ensure_session_key",
    "ensure_sources",
    "settle_memory",
    "uvicorn_options",
]
