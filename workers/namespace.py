"""Whose a namespace of Temporal is: the id of the installation stands in the namespace's own data."""

import logging

from temporalio.api.namespace.v1 import UpdateNamespaceInfo
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import OtherInstallationError

MARK = "headgate-installation"
_LOG = logging.getLogger("headgate.start")
# Temporal Cloud, and clusters with an authorizer, keep changes of a namespace to their own tools.
_FORBIDDEN = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED)


async def installation_of(client: Client) -> str:
    """Return the id of the installation that the client's namespace belongs to; "" while it belongs to none.

    Raises:
        RPCError: there is no such namespace, or not for these credentials.
    """
    found = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    return found.namespace_info.data.get(MARK, "")


async def claim_namespace(client: Client, instance: str) -> None:
    """Make sure that the client's namespace belongs to this installation; one that belongs to none is claimed.

    Raises:
        OtherInstallationError: it belongs to another.
        RPCError: as Temporal says.
    """
    owner = await installation_of(client)
    if not owner:
        try:
            await client.workflow_service.update_namespace(
                UpdateNamespaceRequest(
                    namespace=client.namespace, update_info=UpdateNamespaceInfo(data={MARK: instance})
                )
            )
        except RPCError as error:
            if error.status not in _FORBIDDEN:
                raise
            _LOG.warning("this Temporal does not let namespace %r be marked as ours: %s", client.namespace, error)
            return
        owner = await installation_of(client)  # of two that claim it at once, one sees here that it came second
    _require_same(client, owner, instance)


async def require_ours(client: Client, instance: str) -> None:
    """Make sure that the client's namespace is not another installation's, without claiming it: for commands.

    Raises:
        OtherInstallationError: it belongs to another.
        RPCError: as Temporal says.
    """
    _require_same(client, await installation_of(client) or instance, instance)


def _require_same(client: Client, owner: str, instance: str) -> None:
    if owner != instance:
        raise OtherInstallationError(
            f"namespace {client.namespace!r} at {client.service_client.config.target_host!r} belongs to installation "
            f"{owner}, this process (data dir and store) to {instance or 'none yet'}: name the Temporal of this one by "
            "TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, or the data dir and the store of that one"
        )
