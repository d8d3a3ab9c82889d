#!/usr/bin/env bash
# Runs AIDE on the attempt that the environment describes; the arguments are AIDE's settings, key=value.
set -euo pipefail

export PYTHONPATH="$AGENT_DIR"
exec python3 -m driver "$@"
