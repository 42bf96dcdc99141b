# A disk behind two paths: one dies, a stranger takes its place, the right one comes back; the demo tells of it
# rig: memory=768M limit=200 needs=dmsetup needs=mdadm daemon=mdmpd
#
# Notes are "KIND text": act, why, happens, shown (a line of a program's output), and state ("UPTIME|TRACK|STATE", for the report).

say() { note "$@"; }
sectors=32768

# state TRACK STATE, from now on
state() { read_uptime && echo "$uptime|$1|$2" >>/run/states; }

# What is behind a path: lead PATH WHAT TABLE…
lead() {
  path=$1 && what=$2 && shift 2
  dmsetup reload "$path" --table "$*" && dmsetup suspend --noflush --nolockfs "$path" && dmsetup resume "$path"
  state "path $path leads to" "$what"
}

# What md has of the paths, whenever that changes, until /run/watching is gone.
watch_paths() {
  seen=
  while [ -e /run/watching ]; do
    now=
    while read -r array _ _ _ members; do [ "$array" != md0 ] || now=$members; done </proc/mdstat
    [ "$now" = "$seen" ] || for member in $now; do
      case $member in "$left_device["*) path=left ;; *) path=right ;; esac
      case $member in *"(F)") state "path $path in md" failed ;; *) state "path $path in md" "in service" ;; esac
    done
    seen=$now
    sleep 0.1
  done
}
disk() { echo "0 $sectors linear $1 0"; }
record_of() { grep -A 1 '^md0 : ' /proc/mdstat | tr -s ' \n' ' '; }
show_record() { say shown "/proc/mdstat: $(record_of)"; }
told() { grep -q "$1" /run/mdmpd.log; }
tell() { say shown "mdmpd: $(sed -n "s/.*event : //; /$1/p" /run/mdmpd.log | tail -n 1)"; }
is_faulty() { grep -q '^md0 : .*(F)' /proc/mdstat; }
is_whole() { grep -A 1 '^md0 : ' /proc/mdstat | grep -q '\[2/2\]'; }
sum() { dd if="$1" bs=1M count=8 iflag=direct 2>/dev/null | sha256sum; }

modprobe multipath && modprobe brd rd_nr=2 rd_size=16384 || give_up "md multipath in this kernel" ""
for path in left right; do dmsetup create $path --table "$(disk /dev/ram0)"; done
yes | mdadm --create /dev/md0 --level=multipath -n2 /dev/mapper/left /dev/mapper/right >/dev/null 2>&1
yes | mdadm --create /dev/md9 --level=multipath -n1 --force /dev/ram1 >/dev/null 2>&1
mdadm --stop /dev/md9 2>/dev/null
head -c 8M /dev/urandom >/run/data && dd if=/run/data of=/dev/md0 bs=1M oflag=direct 2>/dev/null
name=$(sed -n 's/^DEVNAME=//p' /sys/block/md0/md/rd0/block/uevent)
used=$(dmsetup info -c --noheadings -o name "/dev/$name")
left_device=$(dmsetup info -c --noheadings -o blkdevname left)
for path in left right; do state "path $path leads to" "its disk"; done
: >/run/watching
watch_paths &
watcher=$!
mdmpd -f --interval 3 2>/run/mdmpd.log &
daemon=$!

say act 1. One disk, two ways to it
say why The kernel uses the first way and turns to the second when it fails. It never tries the first one again.
check "mdmpd watches" eventually 30 mdmpd status >/dev/null
show_record

say act 2. The way in use dies
lead "$used" "nothing" "0 $sectors error"
say happens "reads by $used fail from now on"
check "a user's read works, by the other way" dd if=/dev/md0 of=/dev/null bs=4k count=1 iflag=direct
check "the kernel has given the first one up" eventually 10 is_faulty
check "mdmpd finds it dead" eventually 30 told PathProbeFailed
show_record
tell PathProbeFailed

say act 3. Another disk appears in its place
say why sysfs re-add looks at nothing: users would read and write the stranger within milliseconds.
before=$(sum /dev/ram1)
lead "$used" "another disk" "$(disk /dev/ram1)"
say happens "$used leads to a disk of another array"
check "mdmpd leaves it alone, and says so" eventually 30 told PathRefused
tell PathRefused
check "the other disk is not in use" is_faulty
equal "and nothing of it has changed" "$before" "$(sum /dev/ram1)"

say act 4. The right disk is back
lead "$used" "its disk" "$(disk /dev/ram0)"
say happens "$used leads where it should"
check "mdmpd proves it, and puts it back" eventually 30 is_whole
check "and says that it is in use again" eventually 10 told SpareActive
tell SpareActive
show_record
equal "the data are what was written" "$(sha256sum </run/data)" "$(sum /dev/md0)"
mdmpd status >/run/status
while IFS= read -r line; do say shown "$line"; done </run/status
kill $daemon && wait $daemon
check "mdmpd ends when it is told to" [ $? -eq 0 ]
rm /run/watching && wait $watcher
while read -r line; do say state "$line"; done </run/states
