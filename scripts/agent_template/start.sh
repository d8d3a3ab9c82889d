#!/usr/bin/env bash
# What the runner starts, with the arguments of agent.yaml. The log is what this prints.
set -euo pipefail

exec python3 "$AGENT_DIR/agent.py" "$@"
