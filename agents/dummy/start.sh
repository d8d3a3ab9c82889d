#!/usr/bin/env bash
# Hands in the competition's sample submission.
set -euo pipefail

for sample in "$DATA_DIR"/sample_submission.csv "$DATA_DIR"/*ample*ubmission*.csv; do
  [ -f "$sample" ] && break
done
echo "dummy: handing in $sample"
# By way of another name, so that submission.csv is whole whenever someone looks.
cp "$sample" "$SUBMISSION_DIR/.submission.csv"
mv "$SUBMISSION_DIR/.submission.csv" "$SUBMISSION_DIR/submission.csv"
cp "$AGENT_DIR/start.sh" "$CODE_DIR/"
echo "handed in the sample submission" > "$LOGS_DIR/dummy.log"
