"""What it means when Temporal refuses a call: which part is missing, and what to do."""

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import NotReachableError

_DENIED = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)
_GONE = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)


def is_denied(error: Exception) -> bool:
    """Tell whether Temporal does not take these credentials."""
    return isinstance(error, RPCError) and error.status in _DENIED


def lacks_namespace(error: RPCError) -> bool:
    """Tell whether it is the namespace that is not found, and not what was looked for in it."""
    return error.status is RPCStatusCode.NOT_FOUND and any(
        detail.type_url.endswith("NamespaceNotFoundFailure") for detail in error.grpc_status.details
    )


def explained(client: Client, error: RPCError) -> NotReachableError:
    """Return a refusal in one line that names address, namespace and remedy."""
    where = f"Temporal at {client.service_client.config.target_host!r}"
    namespace = f"namespace {client.namespace!r}"
    said = f"{error.status.name}: {' '.join(error.message.split())[:200]}"
    if lacks_namespace(error):
        return NotReachableError(
            f"{where} has no {namespace}: make it ready with `headgate init`, or name another one by TEMPORAL_NAMESPACE"
        )
    if is_denied(error):
        return NotReachableError(
            f"{where} refuses these credentials for {namespace} ({said}): check TEMPORAL_NAMESPACE, and "
            "TEMPORAL_API_KEY or the certificates (TEMPORAL_TLS_…)"
        )
    if error.status is RPCStatusCode.INVALID_ARGUMENT and "search attribute" in error.message:
        return NotReachableError(
            f"{where}, {namespace}, lacks a search attribute ({said}): `headgate init` registers what is missing"
        )
    if error.status in _GONE:
        return NotReachableError(
            f"{where}, {namespace}, does not answer any more ({said}): `headgate doctor` says what is there"
        )
    return NotReachableError(f"{where}, {namespace}, refused ({said}): `headgate doctor` says what is there")
