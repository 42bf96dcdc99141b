# A growing file whose map of regions follows, with the stock dmstats; the demo tells of it
# rig: disk=data:128M memory=768M limit=120 needs=dmsetup needs=mkfs.ext4 needs=filefrag daemon=dmfilemapd
#
# Notes are "KIND text": act, why, happens, shown (a line of a program's output), and map (extents, then regions, in sectors).

say() { note "$@"; }

# Sorted spans "START LENGTH" on standard input, what touches made one, on one line.
joined() {
  sort -n | awk '
    NR > 1 && $1 == end { end += $2; next }
    NR > 1 { printf "%d+%d ", start, end - start }
    { start = $1; end = $1 + $2 }
    END { if (NR > 0) printf "%d+%d", start, end - start }'
}
extents() { filefrag -b512 -v "$file" | tr -d . | awk -F: '$1 ~ /^ *[0-9]+$/ { split($3, at, " "); print at[1], $4 }' | joined; }
regions() { dmsetup message data 0 @stats_list | tr + ' ' | awk '$2 < 2^40 { print $2, $3 }' | joined; }
is_mapped() { [ "$(extents)" = "$(regions)" ]; }
show_map() { say map "$(extents) | $(regions)"; }

# Sectors written, as the group's regions have counted them.
counted() {
  for id in $(dmsetup message data 0 @stats_list | cut -d: -f1); do
    dmsetup message data 0 @stats_print "$id"
  done | awk '{ sum += $8 } END { print sum + 0 }'
}

append() { dd if=/dev/zero of="$1" bs=1M count="$2" oflag=append conv=notrunc,fsync 2>/dev/null; }

file=/mnt/demo/database
dmsetup create data --table "0 262144 linear /dev/rig/data 0" && mkfs.ext4 -q -O ^has_journal /dev/mapper/data &&
  mkdir -p /mnt/demo && mount /dev/mapper/data /mnt/demo || give_up "a file system on device-mapper" ""
append "$file" 8

say act 1. An administrator wants the statistics of one file
say why dmstats counts I/O in regions of a device. Which regions are a file\'s, only its extents tell, and they change.
say happens "dmstats create --filemap database"
say shown "$(dmstats create --filemap "$file" 2>&1)"
check "the stock dmstats has started our dmfilemapd" eventually 20 dmfilemapd status >/dev/null
check "the map is the file" eventually 10 is_mapped
show_map

say act 2. The file grows, and another one gets in between
before=$(counted)
dd if=/dev/zero of="$file" bs=1M count=4 conv=notrunc oflag=direct 2>/dev/null
say happens "4 MiB of it are overwritten: $(($(counted) - before)) sectors counted"
equal "the counters know every sector of them" 8192 $(($(counted) - before))
total=$(counted)
for round in 1 2 3 4; do
  append "$file" $((2 * round))
  append /mnt/demo/other 3
done
say happens "20 MiB are appended, in four pieces"
check "the map has followed" eventually 10 is_mapped
show_map
after=$(counted)
check "no count was lost on the way: $after sectors" [ "$after" -ge "$total" ]

say act 3. Its head is freed
say why The original deletes the group here, or ends.
fallocate --punch-hole --offset 0 --length 3MiB "$file"
say happens "fallocate --punch-hole --offset 0 --length 3MiB database"
check "the map has followed" eventually 10 is_mapped
show_map

say act 4. The stock tools see a group like any other
dmstats list --group >/tmp/list 2>&1
while read -r line; do say shown "$line"; done </tmp/list
say happens "dmstats delete --groupid"
dmstats delete --groupid "$(awk 'NR == 2 { print $2 }' /tmp/list)" /dev/mapper/data
ended() { ! dmfilemapd status 2>/dev/null; }
check "the daemon ends with its group" eventually 5 ended
