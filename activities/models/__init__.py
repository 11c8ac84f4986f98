"""Activities of the model queues: one small, typed question each."""
