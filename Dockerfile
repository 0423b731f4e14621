# Any Debian-like base with python3 >= 3.11 and its venv module will do.
ARG BASE_IMAGE=python:3.12-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /src
COPY requirements/build.txt requirements/demo.txt requirements/
RUN python3 -m venv /build \
 && /build/bin/python -m pip install --no-cache-dir --quiet --require-hashes -r requirements/build.txt \
 && python3 -m venv /opt/cardsync \
 && /opt/cardsync/bin/python -m pip install --no-cache-dir --quiet --require-hashes -r requirements/demo.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /build/bin/python -m hatchling build -t wheel -d /dist \
 && /opt/cardsync/bin/python -m pip install --no-cache-dir --quiet --no-deps /dist/*.whl \
 && /opt/cardsync/bin/python -m pip uninstall --quiet --yes pip setuptools \
 && find /opt/cardsync -type d \( -name tests -o -name test \) -prune -exec rm -r {} +

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="cardsync" \
      org.opencontainers.image.description="Asks, in a contact's own note, whether the work details are still right" \
      org.opencontainers.image.licenses="MIT"
RUN groupadd --gid 1000 cardsync \
 && useradd --uid 1000 --gid 1000 --no-create-home --home-dir /data --shell /usr/sbin/nologin cardsync \
 && install -d -o 1000 -g 1000 -m 0700 /data \
 && install -d -m 0755 /config
COPY --from=build /opt/cardsync /opt/cardsync
ENV PATH=/opt/cardsync/bin:$PATH PYTHONUNBUFFERED=1
USER 1000:1000
WORKDIR /data
VOLUME /data
HEALTHCHECK --interval=5m --timeout=30s --start-period=2m CMD ["cardsync", "healthcheck", "--live"]
ENTRYPOINT ["cardsync"]
CMD ["run"]
