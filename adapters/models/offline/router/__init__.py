"""The embedded router: customer message in, queue or abstention out, with nothing but numpy and the weights in this folder.

    router = EmbeddedRouter.load()
    routing = router.route("My invoice shows the wrong amount")
    routing.label  # "Billing"; None when the router abstains
"""

from adapters.models.offline.router.model import EmbeddedRouter, Routing
from adapters.models.offline.router.weights import LABELS, WeightsError

__all__ = ["LABELS", "EmbeddedRouter", "Routing", "WeightsError"]
