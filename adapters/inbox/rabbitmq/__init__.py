"""RabbitMQ under the holding pen: a quorum queue for each lane, spoken to by AMQP 0-9-1."""

from adapters.inbox.rabbitmq.broker import RabbitBroker

__all__ = ["RabbitBroker"]
