# shellcheck shell=sh
# In the guest, on a channel of ours: a line of figures every EVERY seconds, until nobody reads it. Only
# sleep forks, and df every tenth time. What the guest does not tell stays empty; we take nothing from it on
# trust, and do the sums.  EVERY
turn=0 disk=''
while :; do
  cpu='' load='' total='' free=''
  { read -r _ cpu </proc/stat; read -r load _ </proc/loadavg; } 2>/dev/null
  {
    while read -r word count _; do
      case $word in MemTotal:) total=$count ;; MemAvailable:) free=$count; break ;; esac
    done </proc/meminfo
  } 2>/dev/null
  [ "$turn" != 0 ] || disk=$(df -kP / 2>/dev/null | { read -r _; read -r _ all used _; echo "$all $used"; })
  turn=$(((turn + 1) % 10))
  echo "cpu $cpu mem $total $free load $load disk $disk" || exit
  sleep "$1" || exit
done
