"""Results of evaluations: what stands in them, how two compare, how they are kept and shown."""
