# docker build -t covid-xray . && docker run --read-only --tmpfs /tmp -v xray-data:/data -p 5000:5000 -e XRAY_SECRET_KEY=… covid-xray
FROM python:3.12.16-slim-bookworm AS packages
COPY pyproject.toml uv.lock ./
RUN pip install --no-cache-dir uv==0.13.9
ENV UV_PROJECT_ENVIRONMENT=/packages UV_NO_CACHE=1
# One of several instances needs the clients of PostgreSQL, S3 and Redis: docker build --build-arg CLOUD=true
ARG CLOUD=false
RUN case "$CLOUD" in \
        true) uv sync --frozen --extra cloud ;; \
        false) uv sync --frozen ;; \
        *) echo "CLOUD: expected true or false, received $CLOUD" >&2; exit 1 ;; \
    esac

FROM python:3.12.16-slim-bookworm
RUN useradd --system --uid 10001 xray && install -d -o xray -g xray /data
COPY --from=packages /packages /packages
WORKDIR /app
COPY . .
# Nothing below /app is written, so that the image runs with --read-only.
RUN /packages/bin/python -m compileall -q /app
USER xray
ENV PATH=/packages/bin:$PATH PORT=5000 XRAY_INSTANCE_DIR=/data/instance XRAY_ANALYSIS_DIR=/data/copies
VOLUME /data
EXPOSE 5000
# Liveness, not /readyz: a database that is down would end all instances, which mends nothing.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
    ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://localhost:{os.environ[\"PORT\"]}/healthz')"]
CMD ["gunicorn", "app:app"]
