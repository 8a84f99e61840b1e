# `just check` runs what .ci/run runs; the script needs no just.

# list the recipes
default:
    @just --list

# everything that a change must pass, on a fresh environment
check:
    .ci/run

# format, lint, types, layers: quick, in the present environment
lint:
    ruff format --check
    ruff check
    mypy
    PYTHONPATH=.typing lint-imports

# all tests
test *ARGS:
    pytest {{ARGS}}

# write what is generated in README and docs/reference
docs:
    cog -I docs -r README.md docs/*/*.md docs/*/*/*.md
    python3 docs/generate.py >docs/reference/report.schema.json
    python3 docs/generate.py openapi >docs/reference/openapi.json
    mkdocs build --strict

# the long run of the engines against the reference: at least 2,000 random programs
conformance:
    pytest tests/conformance --hypothesis-profile=conformance
