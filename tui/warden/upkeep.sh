#!/bin/sh
# shellcheck disable=SC1091,SC2009,SC2015,SC2046,SC2086,SC2154,SC3043
# upkeep.sh: looks whether a host can guard VMs, and sets up the sweep: what wakes the guards of its leases
# after a reboot, client or no client. A CALL is
#
#   sh ROOT/VERSION/upkeep.sh NAME VERB ARGUMENT...     in the home. NAME: what the sweep is called
#
#   facts                   what the host is like
#   leave                   starts a process as the warden starts its own: `left IDENT`
#   lives IDENT             `lives yes` or `lives no`
#   dismiss IDENT           ends it
#   install yes|no          puts the sweep where it will run; `yes` only says what would be done
#   uninstall yes|no        removes all of it
#
# An ANSWER is `dayfly ok`, then lines `WORD VALUE`, then `dayfly end`. Of the last two verbs: `put FILE` and
# its `text LINE`s, `kept FILE`, `removed FILE`, `ran COMMAND`, `note CODE`, and in the end `way WAY`.
set -u; umask 077; unset CDPATH
LC_ALL=C${YASH_VERSION:+.UTF-8}; export LC_ALL
PROC=${DAYFLY_PROC:-/proc}
EVERY_MIN=5

say() { printf '%s\n' "$*"; }

# ---- what the host is like

verb_facts() {
  local how=none
  if find_me && [ "$boot" ]; then
    if [ -r "$PROC/self/stat" ]; then how="proc"; else how="ps"; fi
  fi
  say user "$user"
  say folder "$(cd "$root" && pwd)"
  say writable "$(answer is_writable)"
  say free "$(df -Pk "$root" 2>/dev/null | tail -n 1 | { read -r _ _ _ free _; echo "$free"; })"
  say apart $how
  say kills "$(killing)"
  say lingers "$(answer lingers)"
  find_sweep; say sweep $way
  say sweeps "$(answer sweeps_$way)"
}

answer() { if "$@" >/dev/null 2>&1; then echo yes; else echo no; fi; }

is_writable() {
  local file="$root/.try.$$"
  dd if=/dev/zero of="$file" bs=65536 count=1 && [ $(wc -c <"$file") -eq 65536 ]
  set -- $?; rm -f "$file"
  return $1
}

killing() {   # what logind says; a trial says more
  case $(bounded 10 loginctl show-session -p KillUserProcesses) in
  *=yes) echo yes;; *=no) echo no;; *) echo unknown;;
  esac
}

lingers() { case $(bounded 10 loginctl show-user "$user" -p Linger) in *Linger=yes*) return 0;; esac; return 1; }

verb_leave() {
  ( trap '' HUP; cd / && { spawn sleep 60 9>&-; born_of $! && echo "left $!-$born-$boot" >&9; } ) 9>&1 >/dev/null 2>&1 8>&-
}

verb_dismiss() { signal_group KILL "$1"; }

verb_lives() { say lives "$(answer is_alive "$1")"; }

# ---- the sweep, and what runs it

sweep_text() {
  cat <<END
#!/bin/sh
# Put here by dayfly: wakes the guards of VMs that are owed a deletion, after a reboot say.
# The newest warden asks; each lease is then served by the version that it was opened with.
cd "\${0%/*}" || exit
newest=\$(ls -t */warden.sh 2>/dev/null) || exit 0
printf '%s\\n' 3 sweep sweep own | exec sh "\${newest%%[!a-z0-9./]*}"
END
}

service_text() {   # the guards that it wakes must outlive it, hence KillMode
  cat <<END
[Unit]
Description=dayfly: wake the guards of VMs that are owed a deletion

[Service]
Type=oneshot
ExecStart=/bin/sh $root/sweep.sh
KillMode=process
StandardOutput=null
END
}

timer_text() {
  cat <<END
[Unit]
Description=dayfly: look every $EVERY_MIN minutes, and after a reboot

[Timer]
OnStartupSec=30s
OnUnitInactiveSec=${EVERY_MIN}min

[Install]
WantedBy=timers.target
END
}

cron_text() {
  cat <<END
@reboot sh $root/sweep.sh >/dev/null 2>&1 # $name
*/$EVERY_MIN * * * * sh $root/sweep.sh >/dev/null 2>&1 # $name
END
}

agent_text() {
  cat <<END
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
  <key>Label</key><string>$name</string>
  <key>ProgramArguments</key>
  <array><string>/bin/sh</string><string>-c</string><string>cd &amp;&amp; exec sh $root/sweep.sh</string></array>
  <key>RunAtLoad</key><true/>
  <key>StartInterval</key><integer>$((EVERY_MIN * 60))</integer>
  <key>AbandonProcessGroup</key><true/>
</dict></plist>
END
}

find_sweep() {   # sets way
  way=none
  [ -e "$root/sweep.sh" ] || return 0
  if [ -e "$timer" ]; then way=systemd
  elif has crontab && read_crontab && [ "$table" != "$(without_ours)" ]; then way=cron
  elif [ -e "$agent" ]; then way=launchd
  fi
}

sweeps_systemd() { lingers && [ "$(bounded 10 systemctl --user is-active "$name.timer")" = active ]; }
sweeps_cron() { [ "$(uname)" = Darwin ] || ps -A -o comm= | grep -Eq '(^|/)(cron|crond|dcron|fcron)$'; }
sweeps_launchd() { bounded 10 launchctl list "$name"; }
sweeps_none() { return 1; }

# ---- doing it

has() { command -v "$1" >/dev/null 2>&1; }

put() {   # put FILE TEXT
  if [ "$(cat "$1" 2>/dev/null)" = "$2" ]; then say kept "$1"; return; fi
  say put "$1"; show_text "$2"
  [ $dry = no ] || return 0
  { mkdir -p "${1%/*}" && printf '%s\n' "$2" >"$1.$$" && [ "$(cat "$1.$$")" = "$2" ] && mv "$1.$$" "$1"; } 2>/dev/null ||
    { rm -f "$1.$$"; say note unwritable; return 1; }
}

show_text() { printf '%s\n' "$1" | while IFS= read -r line; do say text "$line"; done; }

drop() {   # drop FILE
  [ -e "$1" ] || return 0
  say removed "$1"
  [ $dry = yes ] || rm -f "$1"
}

act() {   # act COMMAND...
  say ran "$*"
  [ $dry = yes ] || bounded 30 "$@" >/dev/null
}

manages() {   # the account has a systemd of its own, and it answers
  XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}; export XDG_RUNTIME_DIR
  has systemctl && bounded 10 systemctl --user show-environment >/dev/null
}

may_linger() {   # or can be made to
  lingers && return
  act loginctl --no-ask-password enable-linger && { [ $dry = yes ] || lingers; } &&
    put "$root/sweep.linger" "Linger was turned on with the sweep." && return
  say note no-linger
  return 1
}

install_timer() {
  put "$root/sweep.sh" "$(sweep_text)" && put "$service" "$(service_text)" && put "$timer" "$(timer_text)" &&
    act systemctl --user daemon-reload && act systemctl --user enable --now "$name.timer" && return
  say note timer-refused; remove_timer
  return 1
}

install_cron() {
  read_crontab || { say note crontab-unreadable; return 1; }
  put "$root/sweep.sh" "$(sweep_text)" && write_crontab "$(without_ours; cron_text)" || return
  [ $dry = yes ] || sweeps_cron || say note cron-stopped
}

install_agent() {
  put "$root/sweep.sh" "$(sweep_text)" && put "$agent" "$(agent_text)" || return
  ! sweeps_launchd || act launchctl unload "$agent"  # or a changed one would not be read
  if act launchctl load -w "$agent"; then say note at-login; return; fi
  say note agent-refused; remove_agent
  return 1
}

read_crontab() {   # sets table; fails where there is one that cannot be read: it must not be overwritten
  table=$(bounded 10 crontab -l) && return
  table=
  case $(bounded 10 crontab -l 8>&1) in *[Nn]"o crontab"*|*"No such file"*) return 0;; esac
  return 1
}

without_ours() { [ -z "$table" ] || printf '%s\n' "$table" | grep -v " # $name\$"; }

write_crontab() {   # write_crontab TEXT
  local file="$root/.crontab.$$" text="$1"
  if [ "$table" = "$text" ]; then say kept "the crontab of $user"; return; fi
  say put "the crontab of $user"; show_text "$text"
  [ $dry = no ] || return 0
  if [ -z "$text" ]; then bounded 30 crontab -r; return; fi
  printf '%s\n' "$text" >"$file" 2>/dev/null && [ "$(cat "$file")" = "$text" ] && bounded 30 crontab "$file"
  rm -f "$file"
  read_crontab && [ "$table" = "$text" ] || { say note crontab-refused; return 1; }
}

remove_timer() {
  [ -e "$timer" ] || [ -e "$service" ] || return 0
  act systemctl --user disable --now "$name.timer"
  drop "$timer"; drop "$service"
  act systemctl --user daemon-reload
  [ ! -e "$root/sweep.linger" ] || act loginctl --no-ask-password disable-linger
  drop "$root/sweep.linger"
}

remove_cron() {
  has crontab || return 0
  read_crontab || { say note crontab-unreadable; return; }
  [ "$table" = "$(without_ours)" ] || write_crontab "$(without_ours)"
}

remove_agent() {
  [ -e "$agent" ] || return 0
  act launchctl unload -w "$agent"; drop "$agent"
}

verb_install() {
  dry=$1
  if manages && may_linger && install_timer; then way=systemd
  elif has crontab && install_cron; then way=cron
  elif has launchctl && install_agent; then way=launchd
  elif manages && ! lingers && install_timer; then way=systemd
  else drop "$root/sweep.sh"; way=none
  fi
  say way $way
}

verb_uninstall() {
  dry=$1
  remove_timer; remove_cron; remove_agent; drop "$root/sweep.sh"
  find_sweep; [ $dry = yes ] && way=none
  say way $way
}

upkeep() {
  . "${0%/*}/jobs.sh"
  root=${0%/*/*} name=$1 verb=$2
  shift 2
  exec 8>/dev/null
  find_grouper; find_boot || boot=
  user=$(id -un)
  units=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user
  service=$units/$name.service timer=$units/$name.timer agent=$HOME/Library/LaunchAgents/$name.plist
  say dayfly ok; "verb_$verb" "$@"; say dayfly end
}
upkeep "$@" </dev/null
