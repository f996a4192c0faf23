# The daemon with its pages and Fashion-MNIST, without compilers and without root.
#
#   docker build -t googlenetd .
#   docker run -p 127.0.0.1:8080:8080 -v googlenetd:/data -e GOOGLENETD_TOKEN=... googlenetd
#
# README.md, "For operators", tells the rest; tests/image/run builds it and puts it to use.

# A mirror's copy will do as well.
ARG DEBIAN=docker.io/library/debian:trixie-slim

FROM ${DEBIAN} AS build
# ON: warnings of this compiler are errors, as in the tests.
ARG WERROR=OFF
RUN apt-get update && apt-get install -y --no-install-recommends \
        cmake gcc libc6-dev ninja-build pkg-config \
        libarchive-dev libcjson-dev libdeflate-dev libdnnl-dev libexif-dev libjpeg62-turbo-dev libmicrohttpd-dev libseccomp-dev \
        libspng-dev libsqlite3-dev libssl-dev libwebp-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cmake -S . -B /build -G Ninja -DBUILD_TESTING=OFF -DWERROR=${WERROR} \
    && cmake --build /build \
    && DESTDIR=/out cmake --install /build --strip

FROM ${DEBIAN}
LABEL org.opencontainers.image.title="googlenetd" \
      org.opencontainers.image.description="Trains GoogLeNet on CPUs, as a service: HTTP/JSON API and dashboard" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.base.name="docker.io/library/debian:trixie-slim"
# A number, so that Kubernetes can see that it is not root. A new volume gets the owner of /data.
RUN apt-get update && apt-get install -y --no-install-recommends \
        dataset-fashion-mnist libarchive13t64 libcjson1 libdeflate0 libdnnl3.6 libexif12 libgomp1 libjpeg62-turbo \
        libmicrohttpd12t64 libseccomp2 libspng0 libsqlite3-0 libssl3t64 libwebp7 zlib1g \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin googlenetd \
    && install -d -o googlenetd -g googlenetd -m 0750 /data
COPY --from=build /out/ /

# Beyond loopback the daemon wants a token: GOOGLENETD_TOKEN, or GOOGLENETD_TOKEN_FILE with a secret's path.
# Without one it says so and ends.
ENV GOOGLENETD_LISTEN=0.0.0.0:8080 \
    GOOGLENETD_DATA=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["googlenetd", "health"]
# No tini: the daemon waits for its signals itself, also as process 1, and for the children that it starts.
ENTRYPOINT ["googlenetd"]
CMD ["serve"]
