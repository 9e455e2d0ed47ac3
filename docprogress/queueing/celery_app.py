"""The Celery application, and how it connects to its broker."""

import ssl
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from celery import Celery

from docprogress.bus.celery_broker import celery_broker
from docprogress.queueing.queue_state import DEFAULT_QUEUE
from docprogress.settings import Settings

#: Connection options for a Redis. Half-open connections are noticed within seconds.
#: Tasks are acknowledged when they start, so the visibility timeout only concerns
#: messages that a worker has prefetched: they are redelivered soon if that worker died,
#: and the second delivery from a worker that is alive is dropped.
_REDIS_OPTIONS = {
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 5,
    "visibility_timeout": 20,
    # How often an idle worker polls again; it receives a message at once.
    "polling_interval": 2,
    # Levels are queues, so kombu's emulation of priorities is not needed.
    "priority_steps": [0],
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "queue_order_strategy": "docprogress.queueing.fair_share:FairShareOrder",
}

#: Connection options for RabbitMQ: a message counts as sent once it is confirmed.
RABBITMQ_OPTIONS = {"confirm_publish": True}

_RABBITMQ_HEARTBEAT = 10


def make_app(settings: Settings) -> Celery:
    """Make the application for the broker that is set, without tasks."""
    app = Celery("docprogress", set_as_current=False)
    app.conf.update(
        **broker_settings(settings),
        broker_connection_timeout=5,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A Redis that is full, or no longer the primary, refuses for a while.
        broker_channel_error_retry=True,
        task_default_queue=DEFAULT_QUEUE,
        task_ignore_result=True,
        task_acks_late=False,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_soft_shutdown_timeout=10,
        worker_proc_alive_timeout=60,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_send_task_events=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        # Running tasks are acknowledged and do not count as prefetched.
        worker_enable_prefetch_count_reduction=False,
    )
    return app


def broker_settings(settings: Settings) -> dict[str, Any]:
    """Celery's settings for the broker.

    Raises:
        BusError: The broker's URL is invalid.
    """
    url = settings.broker_url or settings.redis_url or ""
    options: dict[str, Any]
    if is_rabbitmq(settings):
        plain, encryption = _rabbitmq_broker(url)
        options = {
            "broker_heartbeat": _RABBITMQ_HEARTBEAT,
            "broker_transport_options": RABBITMQ_OPTIONS,
        }
    else:
        broker = celery_broker(url)
        plain, encryption = broker.url, broker.encryption
        options = {"broker_transport_options": _REDIS_OPTIONS | broker.options}
    return options | {"broker_url": plain, "broker_use_ssl": encryption or None}


def is_rabbitmq(settings: Settings) -> bool:
    """Whether Celery's messages go through RabbitMQ."""
    return urlsplit(settings.broker_url or "").scheme in ("amqp", "amqps")


def _rabbitmq_broker(url: str) -> tuple[str, dict[str, Any]]:
    """RabbitMQ's URL without certificate options, and its TLS options."""
    parts = urlsplit(url)
    query = {k.removeprefix("ssl_"): v for k, v in parse_qsl(parts.query)}
    plain = urlunsplit(("amqp", parts.netloc, parts.path, "", ""))
    if parts.scheme == "amqp":
        return plain, {}
    if parts.port is None:
        plain = urlunsplit(("amqp", f"{parts.netloc}:5671", parts.path, "", ""))
    files = {k: v for k, v in query.items() if k in ("ca_certs", "certfile", "keyfile")}
    # With a host name given, the certificate's name is checked.
    checks = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": parts.hostname}
    return plain, checks | files
