"""What the package managers of languages leave in a layer."""

from __future__ import annotations

import pytest

from imagelint.finding import Paths, Persona, Safety, Unpriced
from imagelint.text import apply_edits
from tests.rules import cases

CACHE = "--mount=type=cache,target="
CODES = ("IL103", "IL104", "IL108", "IL11", "IL120")

FOUND = {
    # pip
    "pip's variable says no, and means yes": ("RUN PIP_NO_CACHE_DIR=0 pip install x", "IL103:2"),
    "pip's variable is empty": ("ENV PIP_NO_CACHE_DIR=\nRUN pip install x", "IL103:3"),
    "exported": ("RUN export PIP_NO_CACHE_DIR=1 && pip install x", ""),
    "set by env": ("RUN env PIP_NO_CACHE_DIR=1 pip install x", ""),
    "pip's cache purged": ("RUN pip install x && python3 -m pip cache purge", ""),
    "removed before": ("RUN rm -rf ~/.cache && pip install x", "IL103:2"),
    "removed by another home": ("RUN pip install x && rm -rf /home/$USER/.cache", ""),
    "a mount of a user's cache": (f"RUN {CACHE}/home/u/.cache/pip pip install x", ""),
    "a mount of a folder called ~": (f"RUN {CACHE}~/.cache/pip pip install x", "IL103:2"),
    "a mount of a part": (f"RUN {CACHE}/root/.cache/pip/http pip install x", "IL103:2"),
    "a cache elsewhere, mounted": (f"ENV PIP_CACHE_DIR=/c\nRUN {CACHE}/c pip install x", ""),
    "a cache elsewhere, and a mount here": (f"ENV PIP_CACHE_DIR=/c\nRUN {CACHE}/root/.cache pip install x", "IL103:3"),
    "a cache elsewhere, by an option": ("RUN pip install --cache-dir /c x && rm -rf /c", ""),
    "pip's option by its beginning": ("RUN pip install --no-cache x", "IL103:2"),  # pedantic: nothing is stored
    "each of two": ("RUN pip install x \\\n && pip install y", "IL103:2"),
    "behind conda run": ("RUN conda run -n x pip install y", "IL103:2"),
    "pipx and pipenv": ("RUN pipx install x && pipenv install y", ""),
    # uv
    "uv sync": ("RUN uv sync --frozen", "IL111:2"),
    "uv's variable": ("ENV UV_NO_CACHE=1\nRUN uv sync", ""),
    "uv's variable says no": ("ENV UV_NO_CACHE=0\nRUN uv sync", "IL111:3"),
    "uv without cache": ("RUN uv --no-cache pip install x && uv pip sync -n y", ""),
    "uv that lives on its cache": ("ENV UV_LINK_MODE=symlink\nRUN uv sync", ""),
    "uv's cache cleaned": ("RUN uv sync && uv cache clean", ""),
    "uv that installs nothing": ("RUN uv venv && uv lock && uv pip list", ""),
    # conda
    "conda env create": ("RUN conda env create -f x.yml", "IL112:2"),
    "conda cleaned by mamba": ("RUN conda install -y x && mamba clean -tipy", ""),
    "conda's packages removed": ("RUN conda create -n x && rm -rf $CONDA_DIR/pkgs/*", ""),
    "conda's packages mounted": (f"RUN {CACHE}/x/pkgs conda install y", ""),
    "conda that installs nothing": ("RUN conda env list && conda config --add channels x && conda run -n x y", ""),
    # Poetry
    "Poetry's cache cleared": ("RUN poetry install && poetry cache clear pypi --all -n", ""),
    "Poetry's environments stay": ("RUN poetry install && rm -rf ~/.cache/pypoetry/virtualenvs", "IL119:2"),
    "poetry config": ("RUN poetry config virtualenvs.create false", ""),
    # npm, Yarn, pnpm
    "npm update": ("RUN npm update", "IL104:2"),
    "npm's cache elsewhere": ("RUN npm ci --cache /tmp/c && rm -rf /tmp/c", ""),
    "npm's cache by a command": ('RUN npm ci && rm -rf "$(npm config get cache)"', ""),
    "yarn alone": ("RUN yarn", "IL108:2"),
    "yarn's scripts": ("RUN yarn build && yarn --version", ""),
    "yarn's folder by a command": ("RUN yarn install && rm -rf $(yarn cache dir)", ""),
    "yarn's cache of a user": (f"RUN {CACHE}/home/node/.cache/yarn yarn install", ""),
    "yarn cleaned before": ("RUN yarn cache clean && yarn install", "IL108:2"),
    "pnpm alone": ("RUN pnpm install --prod", ""),
    "pnpm without its modules": ("RUN pnpm i && rm -rf node_modules", "IL110:2"),
    "pnpm that copies": ("RUN pnpm i --package-import-method=copy", "IL110:2"),
    "pnpm's store elsewhere": ("ENV PNPM_HOME=/p\nRUN pnpm i && pnpm prune && rm -rf /p/store", ""),
    # what builds
    "cargo with its registry mounted": (f"RUN {CACHE}/usr/local/cargo/registry cargo build", ""),
    "cargo that a container runs": ('RUN cargo build\nCMD ["cargo", "run"]', ""),
    "cargo with a toolchain": ("RUN cargo +nightly build", "IL113:2"),
    "cargo's registry removed": ("RUN cargo build && rm -rf $CARGO_HOME/registry", ""),
    "cargo elsewhere, mounted": (f"ENV CARGO_HOME=/c\nRUN {CACHE}/c cargo build", ""),
    "go with one of two mounts": (f"RUN {CACHE}/go/pkg/mod go mod download && go build .", "IL114:2"),
    "go with both": (f"RUN {CACHE}/go/pkg/mod {CACHE}/root/.cache/go-build go mod download && go build .", ""),
    "go's caches cleaned": ("RUN go install x@v1 && go clean -cache -modcache", ""),
    "go version": ("RUN go version && go env", ""),
    "Maven's repository elsewhere": ("RUN mvn -Dmaven.repo.local=/r package && rm -rf /r", ""),
    "Maven that a container runs": ('RUN mvn compile jetty:help\nCMD ["mvn", "jetty:run"]', ""),
    "Maven that the entry point runs": ("RUN mvn package\nENTRYPOINT exec /usr/bin/mvn jetty:run", ""),
    "Maven behind a CMD that was overwritten": ('RUN mvn package\nCMD ["mvn"]\nCMD ["java"]', "IL115:2"),
    "Maven's wrapper": ("RUN ./mvnw package", "IL115:2"),
    "Maven's version": ("RUN mvn --version", ""),
    "Gradle that only cleans": ("RUN gradle clean", ""),
    "Gradle that cleans first": ("RUN gradle clean build", "IL116:2"),
    "Gradle's home removed": ("RUN gradle build && rm -rf ~/.gradle", ""),
    "Gradle's home elsewhere": (f"RUN {CACHE}/g ./gradlew -g /g build", ""),
    # PHP and Ruby
    "composer.phar": ("RUN php composer.phar install", "IL117:2"),
    "composer's cache is nowhere": ("ENV COMPOSER_CACHE_DIR=/dev/null\nRUN composer install", ""),
    "composer global": ("RUN composer global require x && composer clearcache", ""),
    "gem without documentation": ("RUN gem install x --no-ri --no-rdoc && gem i y -N", ""),
    "gem's defaults are set": ("RUN echo 'gem: --no-document' > /etc/gemrc && gem install x", ""),
    "gem update": ("RUN gem update --system", ""),
    "bundle's archives removed": ("RUN bundle install && rm -rf \"$BUNDLE_PATH\"/ruby/*/cache", ""),
    "bundle exec": ("RUN bundle exec rake", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FOUND.values(), ids=FOUND)
def test_found(text: str, expected: str) -> None:
    assert cases.found(f"FROM a\n{text}", *CODES) == expected


@pytest.mark.parametrize(
    ("image", "expected"), [("debian", "IL118:2"), ("ruby:3", ""), ("x/y:1-alpine", ""), ("$X", "")]
)
def test_gems_have_documentation_where_the_image_makes_it(image: str, expected: str) -> None:
    assert cases.found(f"FROM {image}\nRUN gem install x", "IL118") == expected


@pytest.mark.parametrize(
    "code", ["IL104", "IL111", "IL112", "IL113", "IL114", "IL115", "IL116", "IL117", "IL119", "IL120"]
)
def test_a_builder_is_nobodys_business(code: str) -> None:
    run = "npm ci; uv sync; conda install x; cargo build; go build; mvn x; gradle x; composer i; poetry add x; bundle"
    assert cases.found(f"FROM a\nRUN {run}", code) == f"{code}:2"
    assert cases.found(f"FROM a AS b\nRUN {run}\nFROM a\nCOPY --from=b /x /", code) == ""


ALIASES = {
    "pip": ("RUN pip install x", "DL3042"),
    "pip's variable says no": ("RUN PIP_NO_CACHE_DIR=no pip install x", "DL3042"),
    "yarn install": ("RUN yarn install", "DL3060"),
    "yarn alone": ("RUN yarn && yarn add x", ""),
    "a later Yarn": ("RUN yarn install --immutable", "DL3060"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), ALIASES.values(), ids=ALIASES)
def test_aliases(text: str, expected: str) -> None:
    assert cases.aliases(f"FROM a\n{text}", *CODES) == expected


@pytest.mark.parametrize(
    "text", ["PIP_NO_CACHE_DIR=off pip install x", "pip install --no-index x", "yarn install --immutable"]
)
def test_what_most_would_shrug_at(text: str) -> None:
    (finding,) = cases.linted(f"FROM a\nRUN {text}", *CODES).findings
    assert finding.persona is Persona.PEDANTIC


def test_bytes_are_where_the_cache_is() -> None:
    first, second = cases.linted("FROM a\nRUN pip install x && PIP_CACHE_DIR=~/c pip install y", "IL103").findings
    assert isinstance(first.blame, Paths)
    assert first.blame.globs[0] == "/root/.cache/pip/*"
    assert isinstance(second.blame, Paths)
    assert second.blame.globs == ("/root/c/*", "/home/*/c/*")
    (third,) = cases.linted("FROM a\nRUN PIP_NO_CACHE_DIR=0 pip install x", "IL103").findings
    assert isinstance(third.blame, Unpriced)


FIXES = {
    "a Yarn that may be a later one": ("yarn install", Safety.UNSAFE),
    "Yarn 1": ("yarn global add x", Safety.SAFE),
    "npm that removes itself": ("npm i x && npm uninstall -g npm", None),
    "npm in a condition": ("[ -f x ] && npm ci || true", None),
    "Composer that is removed": ("composer i && rm /usr/bin/composer", None),
    "Poetry that may be too old": ("poetry install", Safety.UNSAFE),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), FIXES.values(), ids=FIXES)
def test_fixes(text: str, expected: Safety | None) -> None:
    (finding,) = cases.linted(f"FROM a\nRUN {text}", *CODES).findings
    assert (finding.fix.safety if finding.fix else None) is expected


#: Who is told, where it is not what everybody reads.
PEDANTIC = {
    "pip's option by its beginning": "FROM a\nRUN pip install --no-cache x",
    "an image to build in": "FROM a AS app-builder\nRUN mvn package",
    "an image to develop in": "FROM a AS dev\nRUN go build .",
}
#: What installed may be gone at the end of the RUN, so that it cannot clean up there.
GONE = {
    "npm": "RUN apk add -t .d npm && npm ci && apk del .d",
    "composer": "RUN composer install && apt-get purge -y php-cli",
    "yarn": "RUN yarn install --production && npm uninstall -g yarn",
    "conda": "RUN conda install -y x && apt-get autoremove -y",
}


@pytest.mark.parametrize("text", PEDANTIC.values(), ids=PEDANTIC)
def test_only_the_pedantic_are_told(text: str) -> None:
    assert [each.persona for each in cases.linted(text, *CODES).findings] == [Persona.PEDANTIC]


def test_an_image_called_builder_that_starts_something_is_shipped() -> None:
    (finding,) = cases.linted('FROM a AS builder\nRUN mvn package\nCMD ["java"]', "IL115").findings
    assert finding.persona is Persona.REGULAR


@pytest.mark.parametrize("text", GONE.values(), ids=GONE)
def test_no_clean_up_by_a_program_that_may_be_gone(text: str) -> None:
    (finding,) = cases.linted(f"FROM a\n{text}", *CODES).findings
    assert finding.fix is None


def test_installs_of_one_cache_are_one_finding() -> None:
    text = "FROM a\nRUN pip install x && pip install y && uv sync && uv pip install z\n"
    pip, uv = cases.linted(text, "IL103", "IL111").findings
    assert [len(each.related) for each in (pip, uv)] == [1, 1]
    assert pip.fix is not None
    assert uv.fix is not None
    assert "pip install --no-cache-dir x && pip install --no-cache-dir y" in apply_edits(text, pip.fix.edits)
    assert "uv sync --no-cache && uv pip install --no-cache z" in apply_edits(text, uv.fix.edits)
