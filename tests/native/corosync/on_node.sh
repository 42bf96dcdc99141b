#!/bin/sh
# Runs a command on a node of lab.sh, which sees its own /run, /etc, /var/log and state of corosync.
#
#     on_node.sh FOLDER NODE COMMAND…
set -e
place=$1/$2
shift 2
mount --bind "$place/lib" /var/lib/corosync
mount --bind "$place/log" /var/log
mount --bind "$place/etc" /etc
mount --bind "$place/run" /run
cd /
exec "$@"
