#!/bin/sh
# Stands in for what runs things by itself on a host, under whatever name it is called, and writes down what it
# was told. Its world is the folder beside that of its programs: `world/`.
world=${0%/*}/../world
PATH=/usr/bin:/bin
case ${0##*/} in systemctl|crontab|launchctl) echo "${0##*/} $*" >>"$world/told";; esac
case "${0##*/} $*" in
"systemctl --user show-environment") [ -e "$world/systemd" ];;
"systemctl --user enable --now "*) [ ! -e "$world/refuses" ] && : >"$world/active.$4";;
"systemctl --user disable --now "*) rm -f "$world/active.$4";;
"systemctl --user is-active "*) if [ -e "$world/active.$3" ]; then echo active; else echo inactive; exit 3; fi;;
"systemctl --user daemon-reload") ;;
"loginctl show-user "*) if [ -e "$world/linger" ]; then echo Linger=yes; else echo Linger=no; fi;;
"loginctl --no-ask-password enable-linger") [ -e "$world/may-linger" ] && : >"$world/linger";;
"loginctl --no-ask-password disable-linger") rm "$world/linger";;
"loginctl show-session -p KillUserProcesses") cat "$world/kills";;
"crontab -l")
  [ ! -e "$world/unreadable" ] || { echo "crontab: permission denied" >&2; exit 1; }
  cat "$world/table" 2>/dev/null || { echo "no crontab for ${LOGNAME:-me}" >&2; exit 1; };;
"crontab -r") rm "$world/table";;
"crontab "*) [ ! -e "$world/refuses" ] && cp "$1" "$world/table";;
"launchctl list "*) [ -e "$world/loaded" ];;
"launchctl load -w "*) [ ! -e "$world/refuses" ] && : >"$world/loaded";;
"launchctl unload "*) rm "$world/loaded";;
"ps -A -o comm=") if [ -e "$world/cron-runs" ]; then echo cron; else echo sh; fi;;
"ps "*) exec ps "$@";;
*) echo "nobody tells ${0##*/} that: $*" >&2; exit 64;;
esac
