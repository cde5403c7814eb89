"""`GET /metrics` for Prometheus: to this machine itself, or to a key of the role `metrics`."""

from collections import Counter
from collections.abc import Iterator

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.domain.access.roles import Role
from service.domain.delivery.breaker import BreakerState
from service.domain.network import is_loopback
from service.usecases.operations.metrics import Figures
from service.web.http.auth import requires
from service.web.http.context import services
from service.web.middleware.hosts import host_name, was_forwarded
from service.web.process_metrics import NumbersCollector

metrics = Blueprint("metrics", __name__)


class FiguresCollector(Collector):
    """Turns figures into series."""

    def __init__(self, figures: Figures) -> None:
        """Take the figures of this scrape."""
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Return every series."""
        figures = self._figures
        depth = GaugeMetricFamily(
            "newsflash_outbox_messages",
            "Emails that are queued, being sent, or failed.",
            labels=["status"],
        )
        for status, count in figures.depths.items():
            depth.add_metric([status.value], count)
        yield depth
        yield GaugeMetricFamily(
            "newsflash_oldest_due_mail_seconds",
            "How long the longest waiting email has been due.",
            value=figures.oldest_due_seconds,
        )
        yield GaugeMetricFamily(
            "newsflash_clock_ahead_seconds",
            "How far this machine's clock is ahead of the database's, which everything goes by.",
            value=figures.clock_ahead_seconds,
        )
        yield from self._providers()
        yield from self._workers()
        yield GaugeMetricFamily(
            "newsflash_webhook_deliveries_queued",
            "Deliveries that are queued for webhooks.",
            value=figures.webhook_depth,
        )
        yield GaugeMetricFamily(
            "newsflash_oldest_due_webhook_seconds",
            "How long the longest waiting delivery of an enabled webhook has been due.",
            value=figures.oldest_webhook_seconds,
        )
        strange = GaugeMetricFamily(
            "newsflash_provider_events_not_understood",
            "Events of mail APIs in the last 90 days whose type is unknown. They had no effect.",
            labels=["provider"],
        )
        for provider, count in figures.events_not_understood.items():
            strange.add_metric([provider], count)
        yield strange
        subscriptions = GaugeMetricFamily(
            "newsflash_subscriptions",
            "Subscriptions, as counted within the last minute.",
            labels=["list", "status"],
        )
        for (slug, status_), count in figures.subscriptions.items():
            subscriptions.add_metric([slug, status_.value], count)
        yield subscriptions
        yield GaugeMetricFamily(
            "newsflash_signups_withheld",
            "Signups of the last 24 hours whose email was not sent: the address had its emails of "
            "the day, or the same one shortly before.",
            value=figures.withheld_today,
        )
        yield GaugeMetricFamily(
            "newsflash_ledger_unsealed", "Consent events not sealed yet.", value=figures.unsealed
        )
        yield GaugeMetricFamily(
            "newsflash_ledger_broken",
            "1 if the newest entry of the ledger does not match its head.",
            value=figures.is_ledger_broken,
        )

    def _workers(self) -> Iterator[Metric]:
        at, workers = self._figures.at, self._figures.workers
        yield GaugeMetricFamily(
            "newsflash_workers",
            "Running workers.",
            value=sum(each.is_alive(at) for each in workers),
        )
        for name, text, times in (
            (
                "newsflash_worker_heartbeat_age_seconds",
                "How long ago a worker was last seen.",
                [each.seen_at for each in workers],
            ),
            (
                "newsflash_retention_age_seconds",
                "How long ago a worker last applied the retention rules.",
                [each.retention_at for each in workers if each.retention_at is not None],
            ),
        ):
            if times:
                age = max(0.0, (at - max(times)).total_seconds())
                yield GaugeMetricFamily(name, text, value=age)

    def _providers(self) -> Iterator[Metric]:
        attempts = CounterMetricFamily(
            "newsflash_provider_attempts",
            "Attempts to send an email to a provider, by outcome.",
            labels=["provider", "outcome"],
        )
        breaker = GaugeMetricFamily(
            "newsflash_provider_breaker",
            "1 for the current state of the provider's breaker.",
            labels=["provider", "state"],
        )
        for provider in self._figures.providers:
            for outcome, count in provider.counts.items():
                attempts.add_metric([provider.provider, outcome.value], count)
            for state in BreakerState:
                breaker.add_metric([provider.provider, state], state is provider.breaker_state)
        refused = GaugeMetricFamily(
            "newsflash_refused_senders",
            "Senders that the provider refuses, by its error code. Their emails wait.",
            labels=["provider", "error"],
        )
        senders = Counter((each.provider, each.error) for each in self._figures.refused_senders)
        for labels, count in senders.items():
            refused.add_metric(labels, count)
        yield attempts
        yield breaker
        yield refused


def _exposition() -> Response:
    registry = CollectorRegistry()
    registry.register(FiguresCollector(services().metrics()))
    registry.register(NumbersCollector())
    response = Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
    response.headers["Cache-Control"] = "no-store"
    return response


_to_keys = requires(Role.METRICS)(_exposition)


@metrics.get("/metrics")
def show() -> ResponseReturnValue:
    """Show the series. Loopback requests need no key; forwarded ones do.

    A proxy on this machine that says nowhere that it is one is taken for the machine itself.
    """
    return _exposition() if _is_from_this_machine() else _to_keys()


show.auth = (Role.METRICS,)  # type: ignore[attr-defined]


def _is_from_this_machine() -> bool:
    if was_forwarded(request.headers):
        return False
    return is_loopback(request.remote_addr) and is_loopback(host_name(request.host))
