#!/bin/sh
# Second stage, on the host's root: makes a usable system of the guest, runs the scenario and turns the machine off. It
# takes busybox's programs where it can: a static one starts in 8 ms under TCG, one with libraries in 35 ms. Where systemd
# is to be the first process this becomes systemd, and the scenario is run by a service of it, which is this script again.
# /rig/environment says what to run (tasks/rig/run_folder.ts writes it).
set -a
. /rig/environment
RIG_NODE=$(sed 's/.*rig\.node=\([0-9]*\).*/\1/' /proc/cmdline)
RIG_FOLDER=/rig/node$RIG_NODE
RIG_OUTPUT=$RIG_FOLDER/output
set +a
. /rig/guest/library.sh

mount_all() {
  busybox mount -t sysfs sysfs /sys
  busybox mount -t tmpfs -o mode=755 tmpfs /run
  busybox mkdir -p /run/lock /dev/pts /dev/shm "/lib/modules/$RIG_RELEASE"
  busybox mount -t tmpfs -o mode=1777 tmpfs /dev/shm
  busybox mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
  busybox mount -t debugfs debugfs /sys/kernel/debug
  busybox mount -o bind "$RIG_MODULES" "/lib/modules/$RIG_RELEASE"
}

# Disks are found by their serial number, as /dev/rig/NAME.
link_disks() {
  busybox mkdir -p /dev/rig
  for disk in /sys/block/vd*; do
    name=
    [ ! -e "$disk/serial" ] || read -r name <"$disk/serial" || : # it has no end of line
    [ -z "$name" ] || busybox ln -s "/dev/${disk##*/}" "/dev/rig/$name"
  done
}

# One interface for each other node, named by the last byte of its address. They are ports of one bridge that does not
# forward between them, so that a mesh has no loops.
start_network() {
  busybox ip link set lo up
  for node in 1 2 3; do echo "10.77.0.$node node$node"; done >>/etc/hosts
  busybox hostname "node$RIG_NODE"
  [ "$RIG_NODES" -gt 1 ] || return 0
  ip link add name net0 type bridge
  for interface in /sys/class/net/eth*; do
    name=${interface##*/}
    read -r address <"$interface/address"
    ip link set "$name" name "to${address##*:0}"
    ip link set "to${address##*:0}" master net0 up
    echo 1 >"/sys/class/net/to${address##*:0}/brport/isolated"
  done
  ip addr add "10.77.0.$RIG_NODE/24" dev net0
  ip link set net0 up
}

run_scenario() {
  case $RIG_SCENARIO in
  "") wait_for_shell ;;
  *.ts) "$RIG_DENO" run -A --quiet --cached-only --no-check --config="$RIG_CHECKOUT/deno.json" \
    "$RIG_SCENARIO" "$@" ;;
  *) (. "$RIG_SCENARIO"; true) ;; # come to its end, whatever its last command said
  esac
}

# Of `task rig shell`: a shell on node 1, for which the others stay up.
wait_for_shell() {
  if [ "$RIG_NODE" -gt 1 ]; then
    until [ -e /rig/node1/ended ]; do sleep 1; done
  else
    [ -z "$RIG_TERMINAL" ] || stty $RIG_TERMINAL </dev/ttyS0
    setsid -w -c bash --norc </dev/ttyS0 >/dev/ttyS0 2>&1
  fi
}

# A device that hangs would hang sync, too.
sync_within() {
  sync &
  left=$1
  while kill -0 $! 2>/dev/null && [ "$left" -gt 0 ]; do
    sleep 0.1
    left=$((left - 1))
  done
}

# No unit of the host's own start-up: what it wants of hardware is not there, and takes time.
become_systemd() {
  busybox mount -t securityfs securityfs /sys/kernel/security
  mkdir -p /run/systemd/system
  for unit in /lib/systemd/system/sysinit.target.wants/*.* /etc/systemd/system/sysinit.target.wants/*.*; do
    case ${unit##*/} in
    systemd-journald.service | *.target) ;;
    *) ln -sf /dev/null "/run/systemd/system/${unit##*/}" ;;
    esac
  done
  cat >/run/systemd/system/rig.service <<END
[Unit]
DefaultDependencies=no
Requires=sysinit.target
After=sysinit.target
[Service]
Type=oneshot
ExecStart=/rig/guest/node.sh
StandardOutput=file:/dev/ttyS0
StandardError=inherit
TimeoutStartSec=infinity
END
  exec /lib/systemd/systemd --system --unit=rig.service --show-status=no
}

if [ $$ -eq 1 ]; then
  mount_all
  exec </dev/null
  busybox cat /dev/kmsg >"$RIG_FOLDER/kmsg" &
  link_disks
  start_network
  # The host enforces the limit; this is for a host that is gone.
  (sleep "$((RIG_LIMIT_SECONDS + 60))" && echo o >/proc/sysrq-trigger) &
  [ -z "$RIG_SYSTEMD" ] || become_systemd
fi
cd /tmp || exit 1
read_uptime && emit "{\"up\":$uptime}"
eval "set -- $RIG_ARGUMENTS"
run_scenario "$@"
status=$?
[ "$status" -eq 0 ] || touch /rig/failed
sync_within 200
emit "{\"done\":$status}"
touch "$RIG_FOLDER/ended"
echo o >/proc/sysrq-trigger
while :; do sleep 60; done
