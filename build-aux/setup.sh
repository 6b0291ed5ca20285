# SPDX-License-Identifier: Apache-2.0
#
# What quickstart and check share: packages, configure script, a build. Read by
# them with their folder as the working directory; not run by itself.

say() {
    printf '%s\n' "$*"
}

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# PACKAGE:COMMAND, or PACKAGE alone for a library.
build_packages="gcc:gcc libc6-dev make:make autoconf:autoreconf
    automake:automake libtool:libtoolize pkgconf:pkg-config
    libsqlite3-dev liblmdb-dev libyaml-dev libcsv-dev libxxhash-dev
    uthash-dev libpopt-dev libjansson-dev libsmartcols-dev
    libpq-dev libhiredis-dev libcurl4-openssl-dev
    libmicrohttpd-dev libgnutls28-dev"

# is_installed PACKAGE[:COMMAND]
is_installed() {
    case $1 in
    *:*)
        command -v "${1#*:}" >/dev/null
        ;;
    *)
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = \
            installed ]
        ;;
    esac
}

# as_root COMMAND...: at once for root, else through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# need_packages PACKAGES: install what is missing, or stop and say what it is.
# Where there is no dpkg, configure names what is missing.
need_packages() {
    command -v dpkg-query >/dev/null || return 0
    missing=
    for package in $1; do
        is_installed "$package" || missing="$missing ${package%%:*}"
    done
    say "== packages:$(for package in $1; do
        printf ' %s' "${package%%:*}"
    done)"
    if [ -z "$missing" ]; then
        say "   all are installed"
        return 0
    fi
    say "   missing:$missing"
    [ "$install" = yes ] || fail "not installed:$missing"
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        fail "needs root or sudo to run: apt-get install$missing"
    fi
    install_packages || fail "apt-get could not install:$missing"
}

install_packages() {
    log=$build/packages.log
    mkdir -p "$build"
    say "   installing (log: $log)"
    apt="env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3"
    apt="$apt -o DPkg::Lock::Timeout=300"
    {
        # Lists may be absent, or too old to name a package that still exists.
        as_root $apt install -y --no-install-recommends $missing ||
            { as_root $apt update &&
                as_root $apt install -y --no-install-recommends $missing; }
    } >"$log" 2>&1 </dev/null || {
        tail -n 40 "$log" >&2
        return 1
    }
}

# step WORDS LOG COMMAND...: run quietly; on failure show the end of the log.
step() {
    say "== $1"
    log=$2
    shift 2
    if ! "$@" >>"$log" 2>&1 </dev/null; then
        tail -n 40 "$log" >&2
        fail "failed: $* (the whole log: $log)"
    fi
}

# The configure script is stale when any file it is made from is newer.
is_configure_stale() {
    [ ! -e configure ] || [ ! -e Makefile.in ] || [ ! -e config.h.in ] ||
        [ -n "$(find configure.ac Makefile.am */local.mk \
            -newer Makefile.in)" ]
}

# build_in FOLDER LOG OPTIONS: configure and make, out of tree.
build_in() {
    folder=$1
    log=$2
    options=$3
    case $PWD in
    *[[:space:]\"\#\$\&\'\`\\]*)
        fail "make cannot build in '$PWD': move it to a path without blanks"
        ;;
    esac
    mkdir -p "$folder"
    : >"$log"
    if is_configure_stale; then
        step "writing the configure script" "$log" autoreconf -fi
        touch Makefile.in
    fi
    # Ask again when the script, the options or the folder's place changed.
    wanted="$PWD $options $(cksum <configure)"
    if [ ! -e "$folder/Makefile" ] ||
        [ "$(cat "$folder/configured-as" 2>/dev/null)" != "$wanted" ]; then
        step "configuring in $folder" "$log" \
            sh -c 'cd "$1" && shift && exec "$@"' - "$folder" \
            "$PWD/configure" $options
        printf '%s\n' "$wanted" >"$folder/configured-as"
    fi
    step "building in $folder (log: $log)" "$log" \
        make -C "$folder" -j"$(nproc)"
}
