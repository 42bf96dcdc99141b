#!/bin/sh
# Installs daemons of hostkeep from the folder that this script is in, or removes them again:
#
#     ./install.sh [--root FOLDER] [--remove] [DAEMON…]
#
# Without names, all of them. A file that is there already and not ours, such as libvirt's virtlockd, is kept beside ours as
# NAME.before-hostkeep, and comes back with --remove. If ours was replaced meanwhile, as by an upgrade of libvirt, the newer file is
# what is kept, and the older one becomes NAME.before-hostkeep.~1~. Configuration files that somebody has written or changed stay as
# they are. No service is started, reloaded or stopped: that is yours to do.
#
# It may be cut off anywhere, and run again, or be told to remove: nothing is overwritten or deleted but what is noted as ours.
set -eu
umask 022 # folders that are made are everybody's to enter

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
# What is ours is noted, as sha256sum prints it, before it is put in its place: that path, and with that content only.
noted="$root/var/lib/hostkeep"
new=.new-hostkeep
before=.before-hostkeep

is_there() { [ -e "$root$1" ] || [ -L "$root$1" ]; }

# In the variable "sum", so that a file that cannot be read is not taken for one with another content.
sum_of() {
  sum=$(sha256sum < "$1") || exit 1
  sum=${sum%% *}
}

is_ours() {
  [ -f "$noted/$1" ] && [ -f "$root$2" ] && [ ! -L "$root$2" ] || return 1
  sum_of "$root$2"
  grep -Fqx "$sum  $2" "$noted/$1"
}

# What is the same as ours without being ours needs no replacement, and must not be removed.
stays() {
  is_there "$3" && ! is_ours "$1" "$3" || return 1
  [ "$2" = config ] || cmp -s "$here/files$3" "$root$3"
}

# All that takes room is done beside the files that are to be replaced: a full disk leaves those as they were.
stage() {
  while read -r kind mode path; do
    [ "$kind" = folder ] && { mkdir -p "$root$path"; continue; }
    mkdir -p "$root$(dirname "$path")"
    rm -f "$root$path$new"
    stays "$1" "$kind" "$path" && continue
    cp "$here/files$path" "$root$path$new"
    chmod "$mode" "$root$path$new"
  done < "$here/lists/$1"
}

staged() {
  while read -r _ _ path; do
    [ ! -f "$root$path$new" ] || echo "$path"
  done < "$here/lists/$1"
}

# Notes of older versions stay: one of their files may still be there, if an upgrade is cut off.
note() {
  mkdir -p "$noted"
  {
    [ ! -f "$noted/$1" ] || cat "$noted/$1"
    for path in $(staged "$1"); do
      sync "$root$path$new"
      sum_of "$root$path$new"
      echo "$sum  $path"
    done
  } > "$noted/$1$new"
  sort -u -o "$noted/$1$new" "$noted/$1$new"
  sync "$noted/$1$new"
  mv -fT "$noted/$1$new" "$noted/$1"
}

# By a link, so that there is a file at the path all the time.
keep_original() {
  is_there "$2" && ! is_ours "$1" "$2" || return 0
  cmp -s "$root$2" "$root$2$before" || ln -T --backup=numbered "$root$2" "$root$2$before"
}

# Renamed, so that nobody meets half a file, and a program that runs keeps its own.
put() {
  for path in $(staged "$1"); do
    keep_original "$1" "$path"
    mv -fT "$root$path$new" "$root$path"
  done
}

install_daemon() {
  stage "$1"
  note "$1"
  put "$1"
  echo "$1: installed"
}

give_back() {
  if is_ours "$1" "$2" || ! is_there "$2"; then
    if is_there "$2$before"; then mv -fT "$root$2$before" "$root$2"; else rm -f "$root$2"; fi
  elif cmp -s "$root$2" "$root$2$before"; then rm -f "$root$2$before"
  else echo "$1: $2 is not as it was brought, and stays"
  fi
  for other in "$root$2$before" "$root$2$before".~*~; do
    [ ! -e "$other" ] || echo "$1: an older file stays, too: $other"
  done
}

remove_daemon() {
  [ -f "$noted/$1" ] || { echo "$1: not installed"; return 0; }
  for path in $(sed 's/^[0-9a-f]*  //' "$noted/$1" | sort -u); do
    give_back "$1" "$path"
  done
  rm -f "$noted/$1"
  echo "$1: removed"
}

# What was not put in its place, now or when an earlier run was killed.
discard() {
  for daemon in $daemons; do
    while read -r _ _ path; do rm -f "$root$path$new"; done < "$here/lists/$daemon"
    rm -f "$noted/$daemon$new"
  done
  rmdir "$noted" 2>/dev/null || true
}

daemons="$*"
trap discard EXIT
trap 'exit 1' HUP INT TERM

for daemon in "$@"; do
  "${action}_daemon" "$daemon"
done
[ -n "$root" ] || [ ! -d /run/systemd/system ] || systemctl daemon-reload
