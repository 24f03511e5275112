# shellcheck shell=sh disable=SC2086
# In the guest: end the process PID that began at BORN, and its descendants: TERM, after 5 s KILL.
# Where processes cannot be told apart by their start, nothing is signalled: exit 1.
born() { read -r line <"/proc/$1/stat" && set -f && set -- ${line##*) } && set +f && [ "$1" != Z ] && shift 19 && echo "$1"; } 2>/dev/null
is_alive() { case $1 in *:?*) [ "$(born "${1%:*}")" = "${1#*:}" ];; *) false;; esac; }
family() {   # all that descend from a process, with itself, as PID:BORN
  echo "$1:$(born "$1")"
  ps -A -o pid= -o ppid= | while read -r child parent; do [ "$parent" != "$1" ] || family "$child"; done
}
signal_all() {
  for each in $all; do
    ! is_alive "$each" || kill -s "$1" "${each%:*}" || sudo -n kill -s "$1" "${each%:*}"
  done
} 2>/dev/null
is_any_alive() { for each in $all; do ! is_alive "$each" || return 0; done; return 1; }

[ -r /proc/self/stat ] && [ "$2" ] || exit 1
is_alive "$1:$2" || exit 0
all=$(family "$1")
signal_all TERM
tries=0
while is_any_alive && [ $tries -lt 25 ]; do sleep 0.2; tries=$((tries + 1)); done
signal_all KILL
