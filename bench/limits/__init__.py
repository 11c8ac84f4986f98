"""The shared limiter beside back-off, against a provider that lets refused calls count."""
