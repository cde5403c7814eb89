"""The series of the web processes of this machine, summed up over all of them."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from service.counting import (
    BUCKET,
    BUCKETS,
    CLASSES,
    POOL_LIMIT,
    POOL_USED,
    REDIS_FALLBACK,
    REFUSED,
    REQUESTS,
    SECONDS,
    SIGNUPS,
    UNTRUSTED,
    Group,
    Key,
    Refusal,
    Signup,
    numbers,
)

_BOUNDS = (*(str(each) for each in BUCKETS), "+Inf")


class NumbersCollector(Collector):
    """Turns what web processes counted into series."""

    def collect(self) -> Iterator[Metric]:
        """Return every series."""
        totals = numbers.totals()
        yield from _requests(totals)
        signups = CounterMetricFamily(
            "newsflash_signups",
            "Signups by result: accepted, held for review, over a limit.",
            labels=["outcome"],
        )
        for outcome in Signup:
            signups.add_metric([outcome], totals[SIGNUPS, outcome])
        yield signups
        refused = CounterMetricFamily(
            "newsflash_requests_refused",
            "Refused requests: unknown host, over a limit, unauthenticated provider events.",
            labels=["reason"],
        )
        for reason in Refusal:
            refused.add_metric([reason], totals[REFUSED, reason])
        yield refused
        yield CounterMetricFamily(
            "newsflash_untrusted_forwarding",
            "Requests with a proxy's headers that are ignored, because TRUSTED_PROXIES is 0.",
            value=totals[(UNTRUSTED,)],
        )
        for name, key, text in (
            ("newsflash_database_connections_used", POOL_USED, "Connections in use."),
            ("newsflash_database_connections_max", POOL_LIMIT, "Connections that may be open."),
            (
                "newsflash_redis_fallback",
                REDIS_FALLBACK,
                "Web processes that count limits by themselves, because Redis does not answer.",
            ),
        ):
            yield GaugeMetricFamily(name, text, value=totals[(key,)])
        info = GaugeMetricFamily("newsflash_build_info", "This version.", labels=["version"])
        info.add_metric([version("newsflash")], 1)
        yield info


def _requests(totals: Mapping[Key, float]) -> Iterator[Metric]:
    requests = CounterMetricFamily(
        "newsflash_requests", "Requests by kind and class of status.", labels=["group", "status"]
    )
    latency = HistogramMetricFamily(
        "newsflash_request_duration_seconds", "How long requests took.", labels=["group"]
    )
    for group in Group:
        for name in CLASSES:
            requests.add_metric([group, name], totals[REQUESTS, group, name])
        counts = [totals[BUCKET, group, str(place)] for place in range(len(_BOUNDS))]
        latency.add_metric(
            [group],
            buckets=list(zip(_BOUNDS, accumulate(counts), strict=True)),
            sum_value=totals[SECONDS, group],
        )
    yield requests
    yield latency
