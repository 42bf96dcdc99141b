# What a scenario in shell is written with. Every line of the results is one JSON object; tasks/rig/results.ts reads them.

emit() { printf '%s\n' "$1" >>"$RIG_FOLDER/results.jsonl"; }

# Seconds since the kernel started, in $uptime: a fork takes ten milliseconds under TCG.
read_uptime() { read -r uptime _ </proc/uptime; }

# Text as a JSON string, in $quoted.
quote() {
  case $1 in
  *[!\ -\~]* | *[\"\\]*) quoted=$(printf '%s' "$1" | json_string) ;;
  *) quoted="\"$1\"" ;;
  esac
}

# Standard input as a JSON string.
json_string() {
  printf '"'
  LC_ALL=C tr -d '\000-\010\013-\037\177' |
    LC_ALL=C sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/\t/\\t/g' |
    LC_ALL=C awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }'
  printf '"'
}

# record NAME true|false DETAIL
record() {
  read_uptime
  quote "$1" && record_name=$quoted
  quote "$3" && record_detail=$quoted
  emit "{\"name\":$record_name,\"ok\":$2,\"detail\":$record_detail,\"at\":$uptime}"
}

# check NAME COMMAND…: the command must succeed. What it printed is the detail when it does not.
check() {
  check_name=$1
  shift
  if check_output=$("$@" 2>&1); then
    record "$check_name" true ""
  else
    record "$check_name" false "status $? of: $* $(printf '\n%s' "$check_output" | tail -n 30)"
    return 1
  fi
}

# equal NAME WANTED ACTUAL
equal() {
  if [ "$2" = "$3" ]; then record "$1" true "$3"; else
    record "$1" false "wanted $2, but it is $3"
    return 1
  fi
}

pass() { record "$1" true "${2-}"; }
fail() {
  record "$1" false "${2-}"
  return 1
}

# give_up NAME DETAIL: a failed check, after which nothing of the scenario makes sense.
give_up() {
  fail "$1" "${2-}"
  exit 1
}

# note TEXT…: for who reads the results.
note() {
  read_uptime
  quote "$*" && emit "{\"note\":$quoted,\"at\":$uptime}"
}

# figure NAME VALUE UNIT: a measurement.
figure() {
  quote "$1" && figure_name=$quoted
  quote "$3" && emit "{\"figure\":$figure_name,\"value\":$2,\"unit\":$quoted}"
}

# eventually SECONDS COMMAND…: tries until the command succeeds.
eventually() {
  read_uptime
  eventually_end=$((${uptime%.*} + $1))
  shift
  until "$@"; do
    read_uptime
    [ "${uptime%.*}" -lt "$eventually_end" ] || return 1
    sleep 0.1
  done
}

# on NODE: whether this node is it.
on() { [ "$RIG_NODE" -eq "$1" ]; }

# meet NAME: waits until every node has come here; fails when one has failed, or after two minutes.
meet() {
  touch "/rig/meet/$1.$RIG_NODE"
  meet_node=1
  while [ "$meet_node" -le "$RIG_NODES" ]; do
    eventually 120 met_or_failed "$1" "$meet_node"
    [ -e "/rig/meet/$1.$meet_node" ] || give_up "meet $1" "node $meet_node has not come"
    meet_node=$((meet_node + 1))
  done
}
met_or_failed() { [ -e "/rig/meet/$1.$2" ] || [ -e /rig/failed ]; }
