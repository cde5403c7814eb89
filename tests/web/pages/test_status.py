"""The page after signup, asked again and again by its own script."""

import time_machine
from flask.testing import FlaskClient

from service.usecases.signup.status import DELAYED_AFTER
from tests.scenario import NOON


def test_the_page_is_sent_again_only_where_it_has_news(client: FlaskClient):
    with time_machine.travel(NOON, tick=False) as clock:
        path = client.post("/v1/subscriptions", json={"email": "ann@example.org"}).get_json()[
            "status_url"
        ]
        first = client.get(path)
        assert first.status_code == 200
        seen = first.headers["ETag"]
        assert f"data-live={seen}" in first.text
        again = client.get(path, headers={"If-None-Match": seen})
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
        clock.shift(DELAYED_AFTER.total_seconds() + 1)
        news = client.get(path, headers={"If-None-Match": seen})
        assert news.status_code == 200
        assert news.headers["ETag"] != seen
        assert "data-live" in news.text
