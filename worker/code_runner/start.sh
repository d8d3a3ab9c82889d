#!/usr/bin/env bash
# Runs the code file that came with an answer, and writes what it gave to $SUBMISSION_DIR.
set -euo pipefail
exec python3 "$AGENT_DIR/run.py"
