#!/bin/busybox sh
# First stage, in the initramfs: drivers, the host's root under an overlay, then the second stage (node.sh).
# All that is written to the root goes to memory and is gone with the guest.
/bin/busybox mkdir -p /proc /host /memory /system
/bin/busybox --install -s /bin
export PATH=/bin

power_off() {
  echo "rig: $*"
  echo o >/proc/sysrq-trigger
  sleep 60
}

mount -t proc proc /proc || exit 1
for word in $(cat /proc/cmdline); do
  [ "$word" != rig.probe ] || power_off "probe"
done

# Its clock would run many times too fast (clock.ts).
if dmesg | grep -q "PIT calibration deviates"; then power_off "the clock runs wrong"; fi

for module in /modules/*.ko; do
  insmod "$module" || power_off "cannot load $module"
done

over_9p=trans=virtio,version=9p2000.L,msize=512000
# Nobody changes the root while we run, so that its pages may be cached; the share is written by host and guests.
mount -t 9p -o $over_9p,ro,cache=loose rig-root /host || power_off "cannot mount the host's root"
mount -t tmpfs -o size=75% tmpfs /memory && mkdir /memory/upper /memory/work
mount -t overlay -o lowerdir=/host,upperdir=/memory/upper,workdir=/memory/work overlay /system ||
  power_off "cannot mount the overlay"
mkdir -p /system/rig /system/proc /system/dev
mount -t 9p -o $over_9p,cache=none rig-share /system/rig || power_off "cannot mount the share"
mount -t devtmpfs devtmpfs /system/dev || power_off "cannot mount /dev"
mount --move /proc /system/proc
exec switch_root /system /rig/guest/node.sh
