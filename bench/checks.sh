#!/bin/sh
# The checks as a shell script: all of them at once, or the one that is named. A contestant of
# compare.py, what turborepo runs, and (one check at a time) the measure of the physical bound.
# Environments are made where they are missing. The build does not isolate: it is the bound.
set -eu
cd "$BENCH_PROJECT"

environment() { # NAME
    bin="$BENCH_ENVIRONMENTS/$1/bin"
    [ -e "$bin/complete" ] && return
    uv venv --quiet --clear --python "$BENCH_PYTHON" "$BENCH_ENVIRONMENTS/$1"
    uv pip install --quiet --python "$bin/python" -r "$BENCH_REQUIREMENTS/$1.txt"
    [ "$1" != build ] ||
        uv pip install --quiet --python "$bin/python" -r "$BENCH_REQUIREMENTS/backend.txt"
    : >"$bin/complete"
}

all() { # COMMAND...: at once; fails when one fails
    started=
    for command in "$@"; do
        "$command" &
        started="$started $!"
    done
    for process in $started; do
        wait "$process"
    done
}

lint() {
    environment lint
    "$bin/ruff" check --no-fix .
    "$bin/ruff" format --check .
}

typecheck() {
    environment typecheck
    "$bin/mypy" "$BENCH_PACKAGE"
}

run_tests() {
    environment test
    mkdir -p "$BENCH_MADE"
    "$bin/pytest" -q --junitxml="$BENCH_MADE/junit.xml" tests
}

build() {
    environment build
    rm -rf "$BENCH_MADE/dist" "$BENCH_MADE/again" "$BENCH_MADE/clean"
    all first second
    diff -r "$BENCH_MADE/dist" "$BENCH_MADE/again"
    all rendering contents import
}
first() { build_into dist; }
second() { build_into again; }
build_into() {
    rm -rf "$BENCH_MADE/$1-source"
    git clone --quiet --shared . "$BENCH_MADE/$1-source"
    SOURCE_DATE_EPOCH="$BENCH_EPOCH" "$bin/python" -m build --no-isolation \
        --outdir "$BENCH_MADE/$1" "$BENCH_MADE/$1-source"
}
rendering() { "$bin/twine" check --strict "$BENCH_MADE"/dist/*; }
contents() { "$bin/check-wheel-contents" "$BENCH_MADE/dist"; }
import() {
    uv venv --quiet --python "$BENCH_PYTHON" "$BENCH_MADE/clean"
    uv pip install --quiet --python "$BENCH_MADE/clean/bin/python" "$BENCH_MADE"/dist/*.whl
    "$BENCH_MADE/clean/bin/python" -I -c "import $BENCH_IMPORT"
}

sbom() {
    environment sbom
    "$bin/cyclonedx-py" environment --spec-version 1.6 --output-reproducible --no-validate \
        --output-file "$BENCH_MADE/sbom.json" "$BENCH_MADE/clean/bin/python"
    [ "$("$bin/python" -I "$BENCH_VALIDATE" "$BENCH_MADE/sbom.json" 1.6 /dev/stdout)" = "[]" ]
}

audit() {
    environment audit
    uv pip freeze --quiet --python "$BENCH_MADE/clean/bin/python" |
        grep == >"$BENCH_MADE/audited.txt"
    "$bin/pip-audit" --requirement "$BENCH_MADE/audited.txt" --no-deps --disable-pip \
        --vulnerability-service osv --osv-url "$BENCH_OSV" --progress-spinner off
}

shipped() {
    build
    all sbom audit
}

case "${1-everything}" in
everything) all run_tests typecheck shipped lint ;;
test) run_tests ;;
lint | typecheck | build | sbom | audit) "$1" ;;
*) echo "no such check: $1" >&2 && exit 2 ;;
esac
