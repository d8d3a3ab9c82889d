#!/usr/bin/env bash
# Hands in the competition's sample submission; to a technique, an answer without a word in it.
set -euo pipefail

cp "$AGENT_DIR/start.sh" "$CODE_DIR/"
if [ -n "${TECHNIQUE_TASK:-}" ]; then
  echo "dummy: answering $TECHNIQUE_TASK with an empty object"
  echo '{}' > "$SUBMISSION_DIR/.answer.json"
  mv "$SUBMISSION_DIR/.answer.json" "$SUBMISSION_DIR/${TECHNIQUE_TASK}_analysis.json"
  exit 0
fi

for sample in "$DATA_DIR"/sample_submission.csv "$DATA_DIR"/*ample*ubmission*.csv; do
  [ -f "$sample" ] && break
done
echo "dummy: handing in $sample"
# By way of another name, so that submission.csv is whole whenever someone looks.
cp "$sample" "$SUBMISSION_DIR/.submission.csv"
mv "$SUBMISSION_DIR/.submission.csv" "$SUBMISSION_DIR/submission.csv"
echo "handed in the sample submission" > "$LOGS_DIR/dummy.log"
