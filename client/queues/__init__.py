"""The task queues of Temporal: who works them."""
