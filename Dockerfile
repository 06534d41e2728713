# Millrace's worker, and its other commands but those for local servers. To pin the base image by digest:
#   docker build --build-arg PYTHON_IMAGE=python:3.13-slim-trixie@sha256:... .
ARG PYTHON_IMAGE=python:3.13-slim-trixie

FROM ${PYTHON_IMAGE} AS build
ENV UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /app

COPY requirements-uv.lock requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements-uv.lock \
    && uv venv /opt/venv \
    && uv pip sync --compile-bytecode --only-binary :all: --python /opt/venv/bin/python --require-hashes requirements.lock

COPY pyproject.toml README.md requirements-dev.lock alembic.ini ./
COPY events events
COPY storage storage
COPY handlers handlers
COPY streams streams
COPY ops ops
COPY millrace millrace
COPY migrations migrations
COPY examples/events examples/events
# What builds the package is held to the hashes of the development lock; nothing else is taken from there.
RUN uv pip install --python /opt/venv/bin/python --no-deps --build-constraint requirements-dev.lock --editable . \
    && /opt/venv/bin/python -m compileall -q . \
    && rm pyproject.toml README.md ./*.lock \
    && chmod -R a+rX .

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 millrace \
    && useradd --uid 10001 --gid millrace --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin millrace \
    && install --directory --owner=millrace --group=millrace /var/lib/millrace /var/lib/millrace/objects
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
USER 10001:10001

ENV PATH=/opt/venv/bin:$PATH ENVIRONMENT=production HTTP_HOST=0.0.0.0 HTTP_PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "millrace.http.probe"]
ENTRYPOINT ["millrace"]
CMD ["worker"]
