#!/bin/sh
# Stubs from the .proto files: `generate.sh write` replaces the committed ones, `generate.sh check` says whether they are fresh.
#
# They are made with grpcio-tools 1.71.2 in an environment of its own: stubs from newer tools refuse protobuf 5 and 6, which
# model servers pin. That version has wheels up to Python 3.13 only; where none is found, and where npm is missing for buf, the
# check says that it was skipped.
set -eu
cd "$(dirname "$0")"
tools=1.71.2
cache=../.cache/proto
python=${PYTHON:-python3}
mode=${1:-check}

supported() { "$1" -c 'import sys; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
found=
for candidate in "$python" python3.13 python3.12 python3.11 python3; do
    if supported "$candidate"; then found=$candidate; break; fi
done
if [ -z "$found" ]; then
    echo "proto-check: SKIPPED, stubs not compared: no Python 3.9 to 3.13 found for grpcio-tools $tools"
    [ "$mode" = check ] || exit 1
else
    if [ ! -x "$cache/venv/bin/python" ] || ! "$cache/venv/bin/python" -c 'import grpc_tools' 2>/dev/null; then
        "$found" -m venv "$cache/venv"
        "$cache/venv/bin/python" -m pip install --quiet --disable-pip-version-check "grpcio-tools==$tools" 'protobuf==5.29.*' 'setuptools<81'
    fi
    out=$cache/out
    [ "$mode" = check ] || out=.
    rm -rf "$cache/out"
    mkdir -p "$out"
    "$cache/venv/bin/python" -m grpc_tools.protoc -I. --python_out="$out" --pyi_out="$out" --grpc_python_out="$out" driftline_proto/v1/*.proto
    if [ "$mode" = check ]; then
        for made in "$out"/driftline_proto/v1/*; do
            cmp -s "$made" "driftline_proto/v1/$(basename "$made")" || { echo "proto-check: $(basename "$made") is stale; run 'make proto' and commit"; exit 1; }
        done
        echo "proto-check: stubs are fresh"
    fi
fi
if command -v npx >/dev/null 2>&1; then
    npx --yes @bufbuild/buf@1.75.0 lint && echo "proto-check: buf lint is clean"
else
    echo "proto-check: SKIPPED, buf lint: npm is not installed"
fi
