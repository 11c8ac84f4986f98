"""Which model answers: the tier of a step, when a denser one is asked, what stands in during an outage, the price."""
