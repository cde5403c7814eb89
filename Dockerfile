# syntax=docker/dockerfile:1

# --- build: the locked dependencies and the project's wheel in one virtual environment ---
FROM python:3.11-slim-bookworm AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONDONTWRITEBYTECODE=1

WORKDIR /src
RUN python -m venv /opt/newsflash
ENV PATH=/opt/newsflash/bin:$PATH

# The lock alone first: this layer is kept until the lock changes.
COPY requirements/runtime.txt requirements/
RUN pip install --require-hashes --requirement requirements/runtime.txt

COPY pyproject.toml README.md LICENSE ./
COPY service service
COPY migrations migrations
# What is installed is the wheel, not a folder; what only builds and installs does not go into the image.
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
    && pip install --no-deps --no-index /tmp/wheel/*.whl \
    && python -m compileall -q /opt/newsflash/lib \
    && pip uninstall --yes hatchling trove-classifiers setuptools pip

# What is in the image, for whoever has to look a vulnerability up (CycloneDX). The tool stays behind.
COPY requirements/sbom.txt requirements/
RUN python -m venv /opt/sbom \
    && /opt/sbom/bin/pip install --require-hashes --requirement requirements/sbom.txt \
    && /opt/sbom/bin/cyclonedx-py environment --output-reproducible --output-format JSON \
        --output-file /newsflash.cdx.json /opt/newsflash

# --- run: that environment, an unprivileged user, and one writable place ---
FROM python:3.11-slim-bookworm

LABEL org.opencontainers.image.title="Newsflash" \
      org.opencontainers.image.description="Newsletter double opt-in as one small Flask service" \
      org.opencontainers.image.licenses="MIT"

RUN groupadd --system --gid 10001 newsflash \
    && useradd --system --uid 10001 --gid newsflash --no-create-home --home-dir /data newsflash \
    && install --directory --owner newsflash --group newsflash --mode 0700 /data /data/var

COPY --from=build /opt/newsflash /opt/newsflash
COPY --from=build /newsflash.cdx.json /usr/share/sbom/newsflash.cdx.json

ENV PATH=/opt/newsflash/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

# The embedded default keeps its database and keys in var/ under the working directory: here, on the volume.
# With NEWSFLASH_DATABASE_URL and the secrets from outside, nothing is written and the root may be read-only.
WORKDIR /data
VOLUME ["/data"]

USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM

HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]

CMD ["newsflash", "serve", "--host", "0.0.0.0"]
