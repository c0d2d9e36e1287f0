# Sourced by scripts/start and scripts/test: makes .venv and keeps it in step with the requirements.
# Usage: . scripts/setup.sh; set_up REQUIREMENTS_FILE

fail() {
    printf '%s\n' "$1" >&2
    exit 1
}

find_python() {
    # A name on the path may be a stub that only prints an error, so each one is tried.
    for name in python3.13 python3.12 python3.11 python3; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
            >/dev/null 2>&1; then
            printf '%s\n' "$name"
            return
        fi
    done
    return 1
}

set_up() {
    if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
        python=$(find_python) || fail "Python 3.11, 3.12 or 3.13 is needed; install one and run this again."
        "$python" -c 'import ensurepip, venv' 2>/dev/null ||
            fail "This Python cannot make environments; on Debian run: sudo apt install python3-venv"
        "$python" -m venv --clear .venv
    fi
    # The stamp holds what was installed, so that nothing is asked of the network when nothing changed.
    stamp=.venv/$1.installed
    wanted=$(cat requirements.lock requirements.txt "$1" | cksum)
    if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
        echo "Installing $1 into .venv; the first time this takes minutes, PyTorch is large."
        # By their hashes first; then what has none there: torch, and what only the tests need.
        .venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps \
            --require-hashes -r requirements.lock
        .venv/bin/python -m pip install --disable-pip-version-check --quiet -r "$1"
        # Where PYTHONDONTWRITEBYTECODE is set, nothing was compiled, and each start takes twice as long.
        .venv/bin/python -m compileall -qq -j 0 .venv/lib || true
        printf '%s\n' "$wanted" >"$stamp"
    fi
}
