# Headgate, one image for all of its processes: `headgate gateway`, `headgate worker --role R`, `headgate offline-model`.
FROM python:3.11.13-slim-bookworm AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
# Dependencies first: they change seldom, and this layer is kept while they do not.
COPY pyproject.toml uv.lock README.md ./
RUN uv sync --locked --no-dev --extra postgresql --no-install-project
COPY . .
RUN uv sync --locked --no-dev --extra postgresql
# uv compiles what it installs; these are used from /app, where the user below cannot write.
RUN .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash domain ports activities workflows adapters client gateway workers commands

FROM python:3.11.13-slim-bookworm
RUN useradd --uid 10001 --create-home headgate && install -d -o headgate -g headgate /data
COPY --from=build --chown=root:root /app /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 HEADGATE_DATA_DIR=/data HEADGATE_GATEWAY_HOST=0.0.0.0
WORKDIR /app
USER headgate
VOLUME /data
EXPOSE 8700
ENTRYPOINT ["headgate"]
CMD ["gateway"]
