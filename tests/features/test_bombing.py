"""A mail bombing: many clients sign a few victims up again and again. People sign up meanwhile."""

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from service.app import create_app, services_of
from service.domain.subscription import MAILS_A_DAY
from service.store.tables.base import db
from service.store.tables.delivery import OutboxMessage
from service.store.tables.people import Subscriber

CALL = "/v1/subscriptions"
FORM = "/subscribe/news-flash"
SIGNUPS = int(os.environ.get("NEWSFLASH_TEST_BOMBS", "10000"))
VICTIMS = 50
CLIENTS = 500
PEOPLE = 200
THREADS = 16


@pytest.fixture
def guarded(settings):
    made = create_app(replace(settings, ratelimit_enabled=True, trusted_proxies=1))
    services = services_of(made)
    for number in range(4):
        services.lists.create(slug=f"list-{number}", name=f"List {number}", actor="test")
    yield made
    services_of(made).close()


@pytest.fixture
def database_url(postgres_url):
    """The budget's rule is the same text on both databases; here it meets many connections."""
    return postgres_url


def _bomb(app, number):
    client = f"10.{number % CLIENTS // 250}.{number % CLIENTS % 250}.7"
    body = {"email": f"victim{number % VICTIMS}@example.org", "lists": [f"list-{number % 4}"]}
    sent = {"X-Forwarded-For": client, "User-Agent": "python-requests/2"}
    return "bomb", app.test_client().post(CALL, json=body, headers=sent).status_code


def _person(app, number):
    sent = {"X-Forwarded-For": f"2001:db8:{number:x}::1", "User-Agent": "Mozilla/5.0"}
    form = {"email": f"person{number}@example.org"}
    return "person", app.test_client().post(FORM, data=form, headers=sent).status_code


def test_no_victim_gets_more_mails_than_the_budget_and_people_sign_up_meanwhile(guarded):
    jobs = [(_bomb, number) for number in range(SIGNUPS)]
    jobs += [(_person, number) for number in range(PEOPLE)]
    random.Random(5).shuffle(jobs)
    with ThreadPoolExecutor(THREADS) as pool:
        answers = Counter(pool.map(lambda job: job[0](guarded, job[1]), jobs))
    assert answers == {("bomb", 202): SIGNUPS, ("person", 303): PEOPLE}
    with guarded.app_context():
        mails = dict(
            db.session.execute(
                select(Subscriber.email_key, func.count())
                .join(OutboxMessage, OutboxMessage.subscriber_id == Subscriber.id)
                .where(OutboxMessage.status != "withheld")
                .group_by(Subscriber.email_key)
            ).all()
        )
    victims = [count for email, count in mails.items() if email.startswith("victim")]
    people = [count for email, count in mails.items() if email.startswith("person")]
    assert len(victims) == VICTIMS
    assert max(victims) <= MAILS_A_DAY
    assert people == [1] * PEOPLE
