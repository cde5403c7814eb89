"""An administrator at the pages: signed in, with the form's token, from our own origin."""

import re
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.services import Services

ORIGIN = "http://127.0.0.1:8000"


def first(pattern: str, page: str) -> str:
    """Return what the group of the pattern's first match holds."""
    found = re.search(pattern, page)
    assert found, pattern
    return found[1]


def csrf_token(client: FlaskClient) -> str:
    """Return what the forms of the client's session carry."""
    page = client.get("/admin").get_data(as_text=True)
    return first(r'name="csrf_token" value="([0-9a-f]{64})"', page)


@dataclass(frozen=True, slots=True)
class Admin:
    client: FlaskClient
    token: str

    @classmethod
    def sign_in(cls, client: FlaskClient, services: Services, name: str = "ada") -> "Admin":
        key = services.keys.create(name, "admin", actor="test")
        client.post("/admin/sign-in", data={"key": key}, headers={"Origin": ORIGIN})
        return cls(client, csrf_token(client))

    def get(self, path: str) -> str:
        """Return the page's text."""
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.get_data(as_text=True)

    def post(self, path: str, **data: Any) -> TestResponse:
        return self.client.post(
            path, data={"csrf_token": self.token, **data}, headers={"Origin": ORIGIN}
        )
