# Flotilla's image: every process of the Procfile, as a user of its own, over a root file system that may be read-only.
# docs/docker.md says how it is used. Needs no BuildKit: docker, podman and buildah build it alike.
ARG BASE_IMAGE=python:3.11-slim-bookworm

# Python 3.11 or newer with `venv`, on Debian. Its own image in another registry, or a local one, by the argument.
# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS build
WORKDIR /app
COPY requirements.lock ./
# Each file by the hash of the lock, and wheels alone: there is no compiler here, nor is one wanted.
RUN python3 -m venv .venv \
    && .venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-compile \
        --require-hashes --only-binary :all: -r requirements.lock \
    && .venv/bin/python -m pip uninstall --yes --quiet pip setuptools
COPY . ./
# The root file system is read-only: what is not compiled now would be compiled at each start.
RUN .venv/bin/python -m compileall -q -j 0 . \
    && chmod -R go-w,a+rX /app

# hadolint ignore=DL3006
FROM ${BASE_IMAGE}
# pg_dump and psql for backups. Of the base's Debian: pg_dump refuses a server that is newer than itself. Empty leaves them out.
ARG POSTGRES_CLIENT=postgresql-client
# Debian's versions are not pinned: an image that is built anew takes the repairs of security with it.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get upgrade --yes \
    && apt-get install --yes --no-install-recommends ca-certificates ${POSTGRES_CLIENT:+"${POSTGRES_CLIENT}"} \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /root/.cache \
    && groupadd --gid 10001 flotilla \
    && useradd --uid 10001 --gid 10001 --no-log-init --no-create-home --home-dir /tmp --shell /usr/sbin/nologin flotilla \
    && install --directory --owner=10001 --group=10001 --mode=700 /data /keys \
    && install --directory --owner=10001 --group=10001 --mode=755 /passwords \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=build /app /app
WORKDIR /app
# In a container all of its addresses are its own; what reaches them is decided where its port is published.
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    DATA_DIR=/data \
    BIND=0.0.0.0
ARG VERSION=unknown
LABEL org.opencontainers.image.title="Flotilla" \
      org.opencontainers.image.description="Run fleets of Telegram bots on paid traffic: one link, many bots" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}"
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["python", "-m", "launch.healthcheck"]
# web, worker, clock, poller, programs or release; or a command, such as: flask --app wsgi accounts create …
ENTRYPOINT ["python", "-m", "launch.process"]
CMD ["web"]
