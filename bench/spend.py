"""What the record of spending adds to a model call: reserved, noted as sent and charged, beside the bare call.

Both through the same client to the same offline model, alternating in the same run, on a store of this run only.
"""

_TEXT = "I was charged twice for ORD-10023, please pay one of the two back."
