#!/bin/sh
# A script for cmannotifyd(8). Copy it to /etc/cluster/cman-notify.d under a
# name that says when it is due, such as 50-mail, fill it in, and make it
# executable. Scripts run one after the other, in the order of LC_ALL=C ls, and
# all of them for every notification. Their exit status means nothing.

# There is no PATH, nor any other variable but those below.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH

# With cmannotifyd -d, what is printed here goes to
# /var/log/cluster/cman_notify.log, and otherwise nowhere.
[ -z "$CMAN_NOTIFICATION_DEBUG" ] || echo "$0: $CMAN_NOTIFICATION"

case "$CMAN_NOTIFICATION" in
CMAN_REASON_TRY_SHUTDOWN)
    # Corosync is about to shut down on this node, and has most likely done
    # so by now. For information only: this cannot keep it from it.
    ;;
CMAN_REASON_STATECHANGE)
    # A node has joined or left, or quorum has changed. Also told once
    # whenever cmannotifyd has reached corosync.
    case "$CMAN_NOTIFICATION_QUORUM" in
    1) ;; # this node is part of a quorate cluster
    0) ;; # it is not
    esac
    ;;
CMAN_REASON_CONFIG_UPDATE)
    # The configuration was read anew. Also told once whenever cmannotifyd
    # has reached corosync.
    ;;
*)
    # Others may be added. Leave them alone.
    ;;
esac

exit 0
