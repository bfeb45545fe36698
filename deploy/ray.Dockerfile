# The image of every node of a Ray cluster that judges an archive (docs/scale.md). From the project's folder:
#   docker build -f deploy/ray.Dockerfile -t REGISTRY/xray-archive .
FROM python:3.12.16-slim-bookworm
# KubeRay asks the nodes how they are with wget; ray[default] adds what jobs are handed in to.
RUN apt-get update && apt-get install -y --no-install-recommends wget && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml uv.lock /app/
RUN pip install --no-cache-dir uv==0.13.9 \
    && uv export --quiet --project /app --frozen --extra archive --no-hashes --output-file /app/requirements.txt \
    && pip install --no-cache-dir -r /app/requirements.txt "ray[default]==2.60.0"
COPY xray /app/xray
COPY model /app/model
RUN useradd --create-home --uid 1000 ray
USER ray
ENV PYTHONPATH=/app
WORKDIR /app
