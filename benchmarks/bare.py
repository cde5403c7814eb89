"""The limit of the web side: a Flask app with one route that does nothing."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def bare() -> dict[str, str]:
    """Answer as short as our own signup does, without any work."""
    return {"status": "pending"}
