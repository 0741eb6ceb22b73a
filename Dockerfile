FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# The build checks the queries offline with .sqlx and needs no database.
ENV SQLX_OFFLINE=true
# The dependencies and crates/ are built in a separate layer, because they change less often than src/.
COPY Cargo.toml Cargo.lock ./
COPY crates crates
RUN mkdir src \
    && echo 'fn main() {}' >build.rs \
    && cp build.rs src/main.rs \
    && touch src/lib.rs \
    && cargo build --release --locked \
    && rm -r build.rs src
COPY . .
# cargo rebuilds by file times, and COPY keeps the file times of the checkout.
RUN touch build.rs src/main.rs src/lib.rs \
    && cargo build --release --locked

FROM debian:bookworm-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin pearset
COPY --from=build /src/target/release/pearset /usr/local/bin/pearset
COPY LICENSE /usr/share/doc/pearset/LICENSE
USER 10001:10001
WORKDIR /tmp
ENV PEARSET_LISTEN=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["pearset", "healthcheck"]
# Example of a command: docker compose exec server pearset workspace list
ENTRYPOINT ["pearset"]
