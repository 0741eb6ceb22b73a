# shellcheck shell=bash
# Functions that install Redis for the tests, which start their own servers. To be sourced.

# shellcheck source=scripts/lib/system.sh
source "$(dirname "${BASH_SOURCE[0]}")/system.sh"

redis_say() {
    printf '[redis] %s\n' "$*" >&2
}

# Installs redis-server unless the PATH has one. Prints nothing on stdout.
redis_ensure() {
    command -v redis-server >/dev/null && return 0
    if redis_install && command -v redis-server >/dev/null; then
        redis_say "installed $(redis-server --version)"
        return 0
    fi
    redis_say "found no redis-server and could not install it: install it with your package manager"
    return 1
}

# Installs Redis with the package manager of the machine.
redis_install() {
    # Homebrew refuses to run as root.
    if ((EUID != 0)) && command -v brew >/dev/null; then
        redis_say "installing redis with brew"
        quietly env HOMEBREW_NO_AUTO_UPDATE=1 brew install redis || return 1
        return 0
    fi
    may_be_root || return 1
    if command -v apt-get >/dev/null; then
        redis_install_apt
    elif command -v dnf >/dev/null; then
        redis_say "installing redis with dnf (no service is started)"
        quietly as_root dnf install -y redis
    elif command -v apk >/dev/null; then
        redis_say "installing redis with apk"
        quietly as_root apk add --no-cache redis
    else
        return 1
    fi
}

# Installs Redis with apt-get. Prevents the service that Debian's package would start, so that the
# installation leaves nothing running.
redis_install_apt() {
    local policy=/usr/sbin/policy-rc.d ours='' status=0
    apt_get update || redis_say "apt-get update failed; continuing with the existing package lists"
    redis_say "installing redis-server with apt-get (no service is started)"
    if [[ ! -e $policy ]]; then
        ours=1
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy" || return 1
    fi
    apt_get install --no-install-recommends redis-server || status=1
    if [[ -n $ours ]]; then as_root rm -f "$policy"; fi
    # The service must not start with the machine either.
    if command -v systemctl >/dev/null; then quietly as_root systemctl disable redis-server || true; fi
    return "$status"
}
