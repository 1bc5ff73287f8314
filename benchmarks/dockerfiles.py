"""Dockerfiles to measure with: as many different ones as are asked for, put together from what people write.

The same number always gives the same file. On average 17 lines and between four and five RUNs.
"""

from __future__ import annotations

import random

_BASES = {
    "debian": ("debian:12", "debian:bookworm-slim", "ubuntu:22.04", "ubuntu"),
    "alpine": ("alpine:3.20", "alpine"),
    "python": ("python:3.12-slim", "python:3.11"),
    "node": ("node:20-alpine", "node:20"),
    "go": ("golang:1.22",),
    "java": ("eclipse-temurin:21-jdk", "maven:3-eclipse-temurin-17"),
}
_PACKAGES = "curl git jq nano make gcc g++ unzip libssl-dev zlib1g-dev ca-certificates gnupg procps tini".split()
_SETUP = {
    "debian": (
        "RUN apt-get update && apt-get install -y {packages} && rm -rf /var/lib/apt/lists/*",
        "RUN apt-get update \\\n    && apt-get install -y --no-install-recommends \\\n        {lines} \\\n"
        "    && rm -rf /var/lib/apt/lists/*",
        "RUN apt-get update\nRUN apt-get install -y {packages}",
        'RUN set -eux; \\\n    apt-get update; \\\n    for pkg in {packages}; do apt-get install -y "$pkg"; done',
    ),
    "alpine": ("RUN apk add --no-cache {packages}", "RUN apk update && apk add {packages} && rm -rf /var/cache/apk/*"),
    "python": ("RUN pip install --no-cache-dir -r requirements.txt", "RUN pip install {packages}=={version}"),
    "node": ("RUN npm ci --only=production", "RUN npm install && npm run build"),
    "go": ("RUN go mod download", "RUN CGO_ENABLED=0 go build -ldflags '-s -w' -o /out/app{number} ./cmd/app"),
    "java": ("RUN mvn -B -q package -DskipTests", "RUN ./gradlew build && cp build/libs/app-{version}.jar /app.jar"),
}
_MORE = (
    "RUN curl -fsSL https://example.com/tool-{version}.tar.gz | tar -xz -C /usr/local/bin",
    "RUN wget https://example.com/archive-{number}.tar.gz && tar xzf archive-{number}.tar.gz && cd archive-{number}"
    " && ./configure && make && make install",
    "RUN groupadd -r app{number} && useradd -r -g app{number} app{number} && chown -R app{number} /srv",
    'RUN echo "export PATH=$PATH:/opt/tool-{number}/bin" >> /etc/profile && . /etc/profile',
    "RUN cd /srv && ls *.conf | grep -v default | xargs -n1 rm -f",
    "RUN if [ $DEBUG == 1 ]; then echo debug >> /etc/app-{number}.conf; fi",
    'RUN for f in $(ls /srv/*.sh); do chmod +x $f; done && echo "done {number}"',
    "ENV APP_VERSION={version} \\\n    APP_HOME=/srv/app{number}",
    "ARG BUILD_NUMBER={number}",
    "COPY config-{number}.yml /etc/app/",
    "LABEL org.opencontainers.image.version={version}",
    "EXPOSE {port}",
    "USER app{number}",
    "VOLUME /data{number}",
    "WORKDIR /srv/app{number}",
)


def dockerfile(number: int) -> str:
    """The Dockerfile of that number."""
    pick = random.Random(number)
    kind = pick.choice(list(_BASES))

    def filled(text: str) -> str:
        chosen = pick.sample(_PACKAGES, pick.randint(2, 7))
        return text.format(
            packages=" ".join(chosen),
            lines=" \\\n        ".join(chosen),
            version=f"{pick.randint(0, 9)}.{pick.randint(0, 30)}.{number}",
            number=number,
            port=pick.choice((80, 443, 3000, 5432, 8080)) + pick.randint(0, 9),
        )

    lines = [f"FROM {pick.choice(_BASES[kind])}", f"# service {number}", f"WORKDIR /srv/service-{number}"]
    lines += [filled(pick.choice(_SETUP[kind])) for _ in range(pick.randint(1, 2))]
    lines += [filled(text) for text in pick.sample(_MORE, pick.randint(5, 9))]
    lines.append(pick.choice(("COPY . .", "COPY . /srv", "ADD . /srv/app")))
    lines.append(pick.choice(('CMD ["./run"]', "CMD ./run --port 80", 'ENTRYPOINT ["/usr/bin/app"]')))
    return "\n".join(lines) + "\n"
