#!/bin/sh
# The machine room of tests/native/corosync/cluster.ts: private mounts, process numbers and networks, in which each node is a network
# namespace on one bridge. Runs as the first process of its namespace, so that everything in it ends when standard input does.
#
#     lab.sh FOLDER NODES
set -e
folder=$1
nodes=$2
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /dev/shm
ip link set lo up
ip link add br0 type bridge
ip link set br0 up
i=1
while [ "$i" -le "$nodes" ]; do
  ip netns add "n$i"
  ip link add "v$i" type veth peer name eth0 netns "n$i"
  ip link set "v$i" master br0 up
  ip -n "n$i" addr add "10.9.9.$i/24" dev eth0
  ip -n "n$i" link set eth0 up
  ip -n "n$i" link set lo up
  for place in run lib log; do mkdir -p "$folder/$i/$place"; done
  cp -a /etc "$folder/$i/etc"
  i=$((i + 1))
done
echo ready
exec cat
