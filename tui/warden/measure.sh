#!/bin/sh
# shellcheck disable=SC2046,SC2086,SC3043
# measure.sh: how busy this host is. Said every few seconds, so on Linux it forks for nothing but df.
#
#   sh ROOT/VERSION/measure.sh        in the home
#
# The ANSWER is as upkeep.sh's; what is not known is left out. Sizes are KiB.
#
#   cpus COUNT                load OF-THE-LAST-MINUTE
#   memory TOTAL FREE         FREE: what programs could still take
#   disk TOTAL FREE           where a manager keeps its VMs, as far as that is known; else the home
set -u; unset CDPATH
LC_ALL=C${YASH_VERSION:+.UTF-8}; export LC_ALL
PROC=${DAYFLY_PROC:-/proc}

say() { printf '%s\n' "$*"; }

measure_linux() {
  local word count=0 total='' free='' load
  while read -r word count _; do
    case $word in MemTotal:) total=$count;; MemAvailable:) free=$count; break;; esac
  done <"$PROC/meminfo"
  count=0
  while read -r word _; do
    case $word in cpu) ;; cpu*) count=$((count + 1));; *) break;; esac
  done <"$PROC/stat"
  read -r load _ <"$PROC/loadavg"
  say cpus $count; say load "$load"; say memory $total $free
}

measure_mac() {   # vm_stat counts pages, and says how large they are
  local free=0 size=4096 total
  set -- $(sysctl -n hw.ncpu hw.memsize vm.loadavg)            # 8 17179869184 { 1.92 1.71 1.60 }
  [ $# -ge 4 ] || return 0
  total=$(($2 / 1024)); say cpus "$1"; say load "$4"
  set -f
  set -- $(vm_stat)
  while [ $# -gt 2 ]; do
    case "$1 $2" in
    'size of') size=$3;;
    'Pages free:'|'Pages inactive:'|'Pages speculative:') free=$((free + ${3%.}));;
    esac
    shift
  done
  set +f
  say memory $total $((free * (size / 1024)))
}

measure_disk() {
  local place total free
  for place in /var/snap/multipass/common "/var/root/Library/Application Support/multipassd" /var/lib/incus \
    /var/snap/lxd/common/lxd /var/lib/lxd .
  do
    [ ! -d "$place" ] || ! df -Pk "$place" || break
  done | { read -r _; read -r _ total _ free _ && say disk $total $free; }
}

measure() {
  say dayfly ok
  if [ -r "$PROC/meminfo" ]; then measure_linux; else measure_mac; fi
  measure_disk
  say dayfly end
}
measure </dev/null 2>/dev/null
