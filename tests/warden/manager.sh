#!/bin/dash
# A VM manager that lies, hangs and fails on order: files in $WORLD are the orders.
# Its "daemon" goes on with a launch after the client was killed, as the real ones do.
WORLD=${0%/*}
verb=$1 vm=${2:-}
[ ! -e "$WORLD/hang-$verb" ] || exec sleep 1000
if [ -e "$WORLD/fail-$verb" ]; then echo "$verb failed: cannot connect" >&2; exit 2; fi
case $verb in exec) echo "exec $vm";; *) echo "$*";; esac >>"$WORLD/calls"
case $verb in
list)
  echo "Name,State,IPv4"
  ! rm "$WORLD/blink-list" 2>/dev/null || exit 0
  for file in "$WORLD"/vms/*; do
    [ ! -e "$file" ] || { read -r state <"$file"; echo "${file##*/},$state,10.0.0.1"; }
  done;;
launch)
  if [ -e "$WORLD/refuse-launch" ]; then echo "launch failed: no such image" >&2; exit 2; fi
  if [ -e "$WORLD/steal-launch" ]; then
    echo Running >"$WORLD/vms/$vm"; echo "launch failed: instance \"$vm\" already exists" >&2; exit 2
  fi
  : >"$WORLD/preparing/$vm"
  if [ -e "$WORLD/fetching" ]; then
    trap 'rm -f "$WORLD/preparing/$vm"; exit 2' TERM
    while [ -e "$WORLD/fetching" ]; do printf '\rRetrieving image: 7%%'; sleep 0.1; done
  fi
  echo "Preparing image for $vm"
  /usr/bin/setsid sh -c 'while [ -e "$1/slow-launch" ]; do sleep 0.1; done; echo Running >"$1/vms/$2"; rm -f "$1/preparing/$2"' \
    daemon "$WORLD" "$vm" </dev/null >/dev/null 2>&1 &
  while [ -e "$WORLD/preparing/$vm" ]; do sleep 0.05; done
  echo "Launched: $vm";;
delete)
  [ ! -e "$WORLD/lie-delete" ] || exit 0
  [ -e "$WORLD/vms/$vm" ] || { echo "instance \"$vm\" does not exist" >&2; exit 2; }
  rm -f "$WORLD/vms/$vm";;
exec)
  shift 2
  read -r state <"$WORLD/vms/$vm" || { echo "does not exist" >&2; exit 2; }
  [ "$state" = Running ] || { echo Running >"$WORLD/vms/$vm"; : >"$WORLD/started-by-exec"; }
  read -r python <"$WORLD/python"
  exec "$python" -E -S "$WORLD/relay.py" "$WORLD" "$vm" "$@";;
probe)
  if [ -e "$WORLD/preparing/$vm" ]; then echo "instance \"$vm\" is being prepared" >&2
  elif [ -e "$WORLD/vms/$vm" ]; then echo "instance \"$vm\" already exists" >&2
  else echo "Custom image does not exist." >&2
  fi
  exit 2;;
esac
