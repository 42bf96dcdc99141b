# Our dmfilemapd and the original one, in turn, started by the stock dmstats: how soon and at what cost the map follows
# rig: disk=data:3G memory=2G cpus=2 limit=1500 needs=dmsetup needs=mkfs.ext4 daemon=dmfilemapd
#
# Arguments: the program that loads, ours, the original ("-" for none), rounds, seconds of idleness. Figures are named
# "WHOSE/WHAT", as tasks/bench/dmfilemapd.ts reads them.

load=$1 ours=$2 original=$3 rounds=$4 idle_seconds=$5
system_path=/usr/sbin:/usr/bin:/sbin:/bin

# A device with a file system of its own for each: what one does with its regions is nothing to the other.
make_device() {
  dmsetup create "$1" --table "0 2097152 linear /dev/rig/data $2" && mkfs.ext4 -q "/dev/mapper/$1" &&
    mkdir -p "/mnt/$1" && mount "/dev/mapper/$1" "/mnt/$1"
}

program_of() { [ "$1" = ours ] && echo "$ours" || echo "$original"; }

# Whether one process runs the program, in $pid. Ours replaces itself on its way into the background.
has_one_daemon() {
  pid=$("$load" find "$1")
  pid=${pid% }
  case $pid in '' | *' '*) return 1 ;; esac
}
has_no_daemon() { [ -z "$("$load" find "$1")" ]; }

# Whether the daemon watches the file: until then the map is the one that dmstats has made.
watches() {
  has_one_daemon "$1" && grep -qs "^inotify .*ino:$(printf %x "$(stat -c %i "$2")") " "/proc/$pid/fdinfo/"*
}

# start WHOSE FILE: as an administrator does it.
start() {
  program=$(program_of "$1")
  PATH=${program%/*}:$system_path dmstats create --filemap "$2" >/dev/null || give_up "dmstats create" "$2"
  eventually 60 watches "$program" "$2" || give_up "$1 starts" "$pid"
  "$load" wait "$2" || give_up "$1 follows $2" ""
  sleep 3
}

# stop WHOSE FILE: its end is the end of the group.
stop() {
  dmstats delete --allregions "/dev/mapper/$1" >/dev/null
  eventually 30 has_no_daemon "$(program_of "$1")" || give_up "$1 ends with the group" "$pid"
  rm "$2"
}

read_used() {
  set -- $("$load" used "$1")
  used_us=$1 switches=$2
}

# resident PID: megabytes. Of a small process VmRSS is wrong by up to 64 pages for each kind (mm/memory.c, SPLIT_RSS_COUNTING).
resident() { awk '/^Rss:/ { printf "%.2f\n", $2 / 1024 }' "/proc/$1/smaps_rollup"; }

# latency WHOSE: appends at random moments, each mapped before the next.
latency() {
  file=/mnt/$1/growing
  "$load" make "$file" 1 >/dev/null
  start "$1" "$file"
  figure "$1/memory resident, 1 extent, MB" "$(resident "$pid")" MB
  read_used "$pid" && before=$used_us
  "$load" append "$file" 24 1048576 0 700 >/tmp/times || give_up "$1 follows appends" "$(tail -n 1 /tmp/times)"
  while read -r write sync; do
    figure "$1/1 MiB appended, write to map, ms" "$write" ms
    figure "$1/1 MiB appended, fsync's return to map, ms" "$sync" ms
  done </tmp/times
  read_used "$pid"
  figure "$1/CPU for 24 appends, each mapped by itself, ms" "$(((used_us - before) / 1000))" ms
  read_used "$pid" && before=$used_us
  "$load" burst "$file" 1000 4096 >/tmp/times || give_up "$1 follows a burst" ""
  read_used "$pid"
  figure "$1/CPU for 1,000 appends without a pause, ms" "$(((used_us - before) / 1000))" ms
  figure "$1/1,000 appends of 4 KiB until mapped, ms" "$(cat /tmp/times)" ms
  stop "$1" "$file"
}

# large WHOSE EXTENTS: one more extent in a file of many.
large() {
  file=/mnt/$1/large
  extents=$("$load" make "$file" "$2")
  [ "$extents" -eq "$2" ] || give_up "a file of $2 extents" "it has $extents"
  start "$1" "$file"
  "$load" append "$file" 5 4096 4096 700 >/tmp/times || give_up "$1 follows a file of $2 extents" ""
  while read -r write sync; do figure "$1/one more extent in a file of $2, ms" "$write" ms; done </tmp/times
  [ "$2" -lt 5000 ] || figure "$1/memory resident, $2 extents, MB" "$(resident "$pid")" MB
  stop "$1" "$file"
}

# Both idle side by side.
idle() {
  for whose in $daemons; do
    "$load" make "/mnt/$whose/idle" 3 >/dev/null
    start "$whose" "/mnt/$whose/idle"
    read_used "$pid"
    eval "${whose}_pid=\$pid"
  done
  sleep 3
  for whose in $daemons; do
    eval "pid=\$${whose}_pid"
    read_used "$pid" && eval "${whose}_us=\$used_us ${whose}_switches=\$switches"
  done
  sleep "$idle_seconds"
  for whose in $daemons; do
    eval "pid=\$${whose}_pid us=\$${whose}_us before=\$${whose}_switches"
    read_used "$pid"
    figure "$whose/idle: wake-ups in $idle_seconds s" $((switches - before)) ""
    figure "$whose/idle: CPU in $idle_seconds s, ms" "$(((used_us - us) / 1000))" ms
  done
  for whose in $daemons; do stop "$whose" "/mnt/$whose/idle"; done
}

daemons="original ours"
[ "$original" != - ] || daemons=ours
check "a device for ours" make_device ours 0
check "a device for the original" make_device original 2097152
idle
round=1
while [ "$round" -le "$rounds" ]; do
  note "round $round of $rounds"
  for whose in $daemons; do latency "$whose"; done
  for extents in 10 100 1000 5000; do
    for whose in $daemons; do large "$whose" "$extents"; done
  done
  round=$((round + 1))
done
pass "all was measured"
