"""Which model answers: when a denser tier is asked, what stands in during an outage, what a provider knows."""
