# Device-mapper targets, md personalities, and file systems on a virtio disk
# rig: disk=data:512M needs=dmsetup needs=mkfs.xfs needs=mkfs.ext4 needs=mdadm needs=blktrace

knows() { dmsetup targets | grep -q "^$1 "; }

for module in dm-delay dm-flakey dm-log-userspace dm-mirror dm-raid faulty linear loop multipath null_blk raid10; do
  check "module $module loads" modprobe "$module"
done
for target in linear striped error flakey delay mirror raid; do
  check "dmsetup knows target $target" knows "$target"
done
check "module brd loads" modprobe brd rd_nr=2 rd_size=16384
equal "a disk of brd has the size asked for" 32768 "$(blockdev --getsz /dev/ram1)"

sectors=$(blockdev --getsz /dev/rig/data)
equal "the disk has the size that the scenario asks for" $((512 * 2048)) "$sectors"
check "a linear device is created" dmsetup create whole --table "0 $sectors linear /dev/rig/data 0"

for type in ext4 xfs; do
  check "mkfs.$type works on it" "mkfs.$type" -q /dev/mapper/whole
  mkdir -p /mnt/$type
  check "$type is mounted" mount -t $type /dev/mapper/whole /mnt/$type
  check "dmstats counts in a region of it" dmstats create --alldevices
  dd if=/dev/zero of=/mnt/$type/file bs=64K count=16 conv=fsync 2>/dev/null
  equal "a file of 1 MiB on $type has its size" 1048576 "$(stat -c %s /mnt/$type/file)"
  dmstats delete --allregions --alldevices
  check "$type is unmounted" umount /mnt/$type
  dd if=/dev/zero of=/dev/mapper/whole bs=1M count=1 conv=fsync 2>/dev/null
done

check "md builds a multipath array of two paths" \
  mdadm --build /dev/md0 --run --level=multipath --raid-devices=2 /dev/ram0 /dev/ram1

# What the kernel counts and what blktrace sees must be what was written.
cd /run || exit 1
disk=$(readlink /dev/rig/data)
writes() { busybox awk '{ print $5 }' "/sys/block/${disk##*/}/stat"; }
blktrace -d "$disk" -o trace >/dev/null 2>&1 &
check "blktrace listens" eventually 10 [ -e "/sys/kernel/debug/block/${disk##*/}/trace0" ]
before=$(writes)
dd if=/dev/zero of=/dev/mapper/whole bs=4096 count=5 oflag=direct 2>/dev/null
equal "the kernel has counted 5 writes" 5 $(($(writes) - before))
kill $!
wait $!
equal "blktrace has seen 5 writes" 5 "$(blkparse -i trace -q -f '%a %d %S %n\n' | grep -c '^C W')"
