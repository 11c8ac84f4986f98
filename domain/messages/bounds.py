"""How much one message to a workflow may carry.

What is longer is not decoded, so it changes nothing. Taken in, it would be handed on to a step or a search attribute
that Temporal refuses (2 MB for a step's input, 64 bits for a number), and the workflow task would fail for ever.
"""

from typing import Annotated

from pydantic import Field

Line = Annotated[str, Field(max_length=2_000)]
"""A name, an id, a field."""
Text = Annotated[str, Field(max_length=100_000)]
"""What a person or a customer wrote."""
Count = Annotated[int, Field(ge=-(10**15), le=10**15)]
"""A number of anything, or an amount in minor units."""
