#!/bin/sh
# The light client's tests against the versions that model servers pin: `make compat`. An environment for each, in .cache/compat;
# each holds the light client alone, so this also shows that it needs nothing else.
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

try() {
    name=$1; shift
    venv=.cache/compat/$name
    echo "== $name: $*"
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable . pytest pytest-timeout hypothesis "$@"
    "$venv/bin/python" -m pip list --disable-pip-version-check 2>/dev/null | grep -iE '^(protobuf|pyarrow|grpcio|numpy) '
    "$venv/bin/python" -m pytest -q -p no:cacheprovider tests/client
}

try protobuf5 'protobuf==5.29.*' 'grpcio==1.71.*' 'pyarrow==18.*' 'numpy<2'
try protobuf6 'protobuf==6.33.*' 'pyarrow==18.*'
try protobuf7 'protobuf>=7,<8'
echo "the client passes its tests with every one"
