#!/usr/bin/env bash
# Learns from $DATA_DIR and writes $SUBMISSION_DIR/submission.csv. Needs Python with pandas, scikit-learn and Pillow.
set -euo pipefail

# Several attempts share a host: threads that wait should sleep and not spin.
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-PASSIVE}"
export PYTHONPATH="$AGENT_DIR"
exec python3 -m learner
