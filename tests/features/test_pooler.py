"""The main job behind PgBouncer, in both of its modes that keep transactions whole."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import URL

from tests.features.conftest import empty_database, running_site
from tests.pgbouncer import running_pooler
from tests.postgres import libpq

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
PEOPLE = [f"person{number}@example.org" for number in range(40)]
"""More signups than psycopg runs of one statement before it prepares it."""


@pytest.mark.parametrize("pool_mode", ["session", "transaction"])
def test_the_service_works_behind_a_pooler(pool_mode: str, tmp_path: Path, postgres_server: URL):
    with (
        empty_database(postgres_server) as database,
        running_pooler(database, pool_mode) as url,
        running_site(tmp_path, url) as site,
    ):
        with ThreadPoolExecutor(8) as callers:
            assert {a.status_code for a in callers.map(site.sign_up, PEOPLE)} == {202}
            mails = list(callers.map(site.mail.wait_for, PEOPLE))
            links = [mail.confirm_link for mail in mails]
            assert {a.status_code for a in callers.map(site.post, links)} == {200}
        for mail in mails[:10]:
            assert site.post(mail.leave_link, data=ONE_CLICK).status_code == 200
        exported = site.export()
        assert sorted(exported) == sorted(PEOPLE)
        assert [exported[email]["status"] for email in PEOPLE[:10]] == ["unsubscribed"] * 10
        file = tmp_path / "people.csv"
        file.write_text("email,list,status\n" + "new@example.org,news-flash,pending\n")
        site.run("subscribers", "import", str(file))
        assert site.export()["new@example.org"]["status"] == "pending"
        site.run("db", "upgrade")
        with psycopg.connect(libpq(database)) as connection:
            held = connection.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")
            assert held.fetchall() == []
        assert "Traceback" not in site.log
