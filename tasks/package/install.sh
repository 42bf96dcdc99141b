#!/bin/sh
# Installs daemons of hostkeep from the folder that this script is in, or removes them again:
#
#     ./install.sh [--root FOLDER] [--remove] [DAEMON…]
#
# Without names, all of them. A file that is there already and not ours, such as libvirt's virtlockd, is kept beside ours as
# NAME.before-hostkeep, and comes back with --remove. Configuration files that are there stay as they are; those that were brought go
# with --remove if nobody has changed them. No service is started, reloaded or stopped: that is yours to do.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=
action=install

usage() {
  echo "usage: $0 [--root FOLDER] [--remove] [DAEMON...]" >&2
  exit 2
}

while [ $# -gt 0 ]; do
  case $1 in
    --root) [ $# -ge 2 ] || usage; root=${2%/}; shift 2 ;;
    --remove) action=remove; shift ;;
    -*) usage ;;
    *) break ;;
  esac
done
[ $# -gt 0 ] || set -- $(ls "$here/lists")
for daemon in "$@"; do
  [ -f "$here/lists/$daemon" ] || { echo "$0: no daemon \"$daemon\"" >&2; exit 2; }
done

# A list has a line for each path: its kind (file, config or folder), its mode, the path.
# What we installed is noted, so that an upgrade does not take it for somebody else's.
noted="$root/var/lib/hostkeep"

is_ours() { [ -f "$noted/$1" ] && grep -Fqx "$2" "$noted/$1"; }

# Renamed into its place, so that nobody meets half a file, and a program that runs keeps its own.
put() {
  cp "$here/files$2" "$root$2.new-hostkeep"
  chmod "$1" "$root$2.new-hostkeep"
  mv -f "$root$2.new-hostkeep" "$root$2"
}

install_daemon() {
  while read -r kind mode path; do
    [ "$kind" = folder ] && { mkdir -p "$root$path"; continue; }
    mkdir -p "$root$(dirname "$path")"
    if [ "$kind" = config ]; then
      [ -e "$root$path" ] || { put "$mode" "$path"; mkdir -p "$noted"; echo "$path" >> "$noted/$1.config"; }
      continue
    fi
    if [ -e "$root$path" ] && ! is_ours "$1" "$path"; then
      mv "$root$path" "$root$path.before-hostkeep"
    fi
    put "$mode" "$path"
  done < "$here/lists/$1"
  mkdir -p "$noted"
  sed -n 's/^file [0-7]* //p' "$here/lists/$1" > "$noted/$1"
  echo "$1: installed"
}

remove_configuration() {
  [ -f "$noted/$1.config" ] || return 0
  while read -r path; do
    if cmp -s "$here/files$path" "$root$path"; then rm -f "$root$path"
    elif [ -e "$root$path" ]; then echo "$1: $path is not as it was brought, and stays"
    fi
  done < "$noted/$1.config"
}

remove_daemon() {
  [ -f "$noted/$1" ] || { echo "$1: not installed"; return 0; }
  while read -r path; do
    rm -f "$root$path"
    [ -e "$root$path.before-hostkeep" ] && mv "$root$path.before-hostkeep" "$root$path"
  done < "$noted/$1"
  remove_configuration "$1"
  rm -f "$noted/$1" "$noted/$1.config"
  rmdir "$noted" 2>/dev/null || true
  echo "$1: removed"
}

for daemon in "$@"; do
  "${action}_daemon" "$daemon"
done
[ -n "$root" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload
