#!/bin/bash
# Process 1 of a libvirtd lab: `unshare --mount --pid --net --fork bash libvirtd_init.sh CACHE`.
# Builds the private file system, prints the pid the host knows it by, and lives (reaping orphaned
# emulators, as an init does) until its standard input ends; then the kernel ends all the rest.
set -e

# Still the host's /proc: what we are called outside.
read -r outside _ </proc/self/stat

for place in /run /srv /etc/libvirt /var/log /var/lib/libvirt; do
  mount -t tmpfs -o mode=755 hostkeep-lab "$place"
done
mount --bind "$1" /var/cache/libvirt
mkdir /var/log/libvirt

# A /dev without kvm: guests are emulated on every machine alike.
mkdir -p /run/dev/{pts,shm}
for node in null zero full random urandom tty; do
  : >"/run/dev/$node"
  mount --bind "/dev/$node" "/run/dev/$node"
done
mount -t devpts -o newinstance,ptmxmode=0666 devpts /run/dev/pts
ln -s pts/ptmx /run/dev/ptmx
ln -s /proc/self/fd /run/dev/fd
mount --rbind /run/dev /dev
mount -t proc proc /proc

exec 3<&0
cat <&3 >/dev/null &
echo "ready $outside"
wait $!
