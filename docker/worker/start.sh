#!/bin/sh
# Start a worker that serves the queue of the given name, in the place of this shell.
# Several workers of one host need names of their own: the process id, which is the host's, makes them.
rm -f "$MLEBENCH_READY_FILE"
exec celery --app worker.app worker --queues "$1" --hostname "$1-$$@%h" --without-mingle --without-gossip --loglevel INFO
