# shellcheck shell=bash
# Helper functions of the scripts. To be sourced.

# Succeeds if root's rights are available without a password.
may_be_root() {
    ((EUID == 0)) || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

as_root() {
    if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi
}

# Runs a command without input, and shows its output only if the command fails.
quietly() {
    local log status=0
    log=$(mktemp) || return 1
    "$@" </dev/null >"$log" 2>&1 || status=$?
    ((status == 0)) || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

# Runs apt-get as root without questions; existing configuration files are kept.
apt_get() {
    quietly as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=120 -qq -y "$@"
}

# Creates a Python environment in a folder and installs packages: python_env DIR PIP-ARGUMENTS…
python_env() {
    local dir=$1
    shift
    if ! "$dir/bin/python" -m pip --version >/dev/null 2>&1; then
        rm -rf "$dir"
        if ! python3 -c 'import ensurepip, venv' 2>/dev/null && command -v apt-get >/dev/null && may_be_root; then
            # Debian has venv in a separate package.
            apt_get update && apt_get install --no-install-recommends python3-venv || return 1
        fi
        python3 -m venv "$dir" || return 1
    fi
    "$dir/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

# Builds programs from crates.io into DIR/bin, unless they are there: cargo_tools DIR NAME@VERSION…
cargo_tools() {
    local dir=$1
    shift
    # Each runs for seconds: a quick build is worth more than a quick program.
    CARGO_TARGET_DIR=$dir/build CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 cargo install --quiet --locked --root "$dir" "$@" || return 1
    rm -rf "$dir/build"
}

# Prints a port of the loopback address that is free now.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Waits until a server answers 200: wait_until_ready URL PID SECONDS. Fails immediately if the process ends.
wait_until_ready() {
    local deadline=$((SECONDS + $3))
    until curl -fsS -o /dev/null --max-time 2 "$1" 2>/dev/null; do
        if ! kill -0 "$2" 2>/dev/null || ((SECONDS >= deadline)); then return 1; fi
        sleep 0.1
    done
}
