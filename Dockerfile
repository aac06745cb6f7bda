# syntax=docker/dockerfile:1
# Images of the services and of the command line, each with one program and the few files that it needs: no shell, no package manager.
#
#   docker build --target service --build-arg SERVICE=oms -t averis-oms .     each of the seven services
#   docker build --target cli -t averis .                                     `averis`: migrations, secrets, tenants
#   docker build --target sbom --output type=local,dest=sbom .                the bill of materials of all of them

FROM rust:1.95-slim-bookworm AS tools
WORKDIR /src
ENV CARGO_INCREMENTAL=0
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates=2023* \
    && rm -rf /var/lib/apt/lists/*

# What is built of the libraries depends on the manifests alone: this layer stays the same while only our own code changes.
FROM tools AS manifests
COPY . /all
RUN sh /all/deploy/image/skeleton.sh /all /skeleton

FROM tools AS build
COPY --from=manifests /skeleton /src
RUN cargo build --locked --release --workspace --lib --bins
COPY . /src
RUN sh deploy/image/build.sh /out

FROM tools AS bill
RUN cargo install --locked cargo-cyclonedx --version 0.5.9
COPY . /src
RUN cargo cyclonedx --format json --spec-version 1.5 --target x86_64-unknown-linux-gnu \
    && mkdir /sbom && cp services/*/*.cdx.json /sbom/

FROM scratch AS sbom
COPY --from=bill /sbom /

FROM scratch AS base
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.vendor="Averis" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/root /
USER 65532:65532
STOPSIGNAL SIGTERM
ENTRYPOINT ["/averis"]

FROM base AS cli
LABEL org.opencontainers.image.title="averis" \
      org.opencontainers.image.description="Averis: the operator's command line"
COPY --from=build /out/bin/averis /averis
# Two folders for what is mounted, which belong to whoever runs.
COPY --from=build --chown=65532:65532 /out/mounts /
ENV AVERIS_STATE_DIR=/state
HEALTHCHECK NONE
CMD ["help"]

FROM base AS service
ARG SERVICE
LABEL org.opencontainers.image.title="averis-${SERVICE}" \
      org.opencontainers.image.description="Averis: the ${SERVICE} service"
COPY --from=build /out/bin/averis-${SERVICE} /averis
ENV AVERIS_HTTP_BIND=0.0.0.0 AVERIS_LOG_FORMAT=json
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["/averis", "health"]
