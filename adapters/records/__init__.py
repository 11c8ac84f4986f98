"""Customers, orders and charges that live in another system: a database or an HTTP service, by configuration."""
