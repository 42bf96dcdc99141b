# Two nodes reach each other and share a disk
# rig: nodes=2 disk=own:16M shared=common:16M

peer=$((3 - RIG_NODE))
read_block() { dd if=/dev/rig/common bs=4096 skip="$1" count=1 iflag=direct 2>/dev/null | tr -d '\000'; }

meet start
check "the other node answers by name" busybox ping -c 1 -W 5 "node$peer"
equal "the network has one cable to the other" "to$peer" "$(ls /sys/class/net/net0/brif)"

equal "a block of the shared disk is empty at first" "" "$(read_block "$RIG_NODE")"
meet empty
printf 'written by node %s' "$RIG_NODE" | dd of=/dev/rig/common bs=4096 seek="$RIG_NODE" conv=sync oflag=direct 2>/dev/null
printf 'private to node %s' "$RIG_NODE" | dd of=/dev/rig/own bs=4096 conv=sync oflag=direct 2>/dev/null
meet written
equal "what the other has written is there" "written by node $peer" "$(read_block "$peer")"
equal "a disk of its own is nobody else's" "private to node $RIG_NODE" \
  "$(dd if=/dev/rig/own bs=4096 count=1 2>/dev/null | tr -d '\000')"

ip link set "to$peer" down
meet cut
check "a cut cable separates them" sh -c "! busybox ping -c 1 -W 1 node$peer"
meet separated
ip link set "to$peer" up
check "a mended cable joins them again" eventually 20 busybox ping -c 1 -W 1 "node$peer"
meet joined
printf 'handed back by node %s' "$RIG_NODE" >"$RIG_OUTPUT/report"
