"""The embedded router: customer message in, queue or abstention out, with numpy and the weights in this folder.

>>> EmbeddedRouter.load().route("My invoice shows the wrong amount").label  # None when the router abstains
'Billing'
"""

from adapters.models.offline.router.model import EmbeddedRouter, Routing
from adapters.models.offline.router.weights import LABELS

__all__ = ["LABELS", "EmbeddedRouter", "Routing"]
