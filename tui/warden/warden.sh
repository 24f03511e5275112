#!/bin/sh
# shellcheck disable=SC1091,SC2015,SC2034,SC2086,SC2094,SC2154,SC2164,SC3043
# warden.sh: guards VMs on their host. It keeps a lease of every VM that is owed a deletion, runs durable
# jobs, and deletes the VM when its client says so or falls silent. jobs.sh beside it is its other half.
# Plain POSIX sh (and `local`). No clock decides anything; every change of state is the rename of a file
# that was made when the lease was opened, so that a full disk stops no heartbeat, pin, expiry or deletion.
#
# A CALL is   sh warden.sh   with words on stdin: their number, then one word a line, each byte that is not
# plain written as \0ooo. The words are   VERB CLIENT own|any ARGUMENT...   where CLIENT is who calls; with
# `any` it may act on another client's lease. A whole command as one argument is "words in a line": each of
# its words begins with = and is escaped again. Every call may be said again.
# An ANSWER is `dayfly ok` or `dayfly error CODE TEXT`, then lines, then `dayfly end`.
#
#   open VM OWNER GRACE TICK PIN SETTLE LIMIT RUNNING BUSY FREE FETCHING LIST DELETE ENTER LABEL PROBE
#                           write the lease; seconds, pin policy, bytes a spool; then the reap recipe
#   start VM JOB PLACE WORKDIR COMMAND    the job `launch` makes the VM: its name must be free
#   kill VM JOB WHY         TERM, after 5 s KILL; a launch only while it downloads an image
#   pin VM, unpin VM        disarm every reaper, arm them again
#   reap VM                 end the lease, pinned or not
#   settle VM               close the lease if the VM is gone and no launch can bring it back; deletes nothing
#   status VM, sweep        reports on one lease, on all of the account; wakes what is dead
#   acknowledge VM          forget a lease that is gone
#   follow VM JOB OUT ERR   raw: its stdout on stdout, its stderr on stderr, from these offsets on. Keep stdin
#                           open. Exit 0: ask for the status, follow again if bytes are missing; 65 no lease,
#                           66 no job, 67 fetched before and gone, 68 another client's
#   ask SECONDS COMMAND     run it, bounded; its stdout on stdout, its stderr on stderr, then there a line
#                           `dayfly asked exit N` or `dayfly asked silent`
#   hold                    stays. Lines in: `beat N VM...` renews these leases, `look N VM...` only asks.
#                           Lines out: a report on each, then `ok N`
# A REPORT is
#   lease VM PHASE on|off own|foreign CAUSE NOTE CLIENT OWNER...
#   job VM JOB ready|started pending|exit|killed|lost DETAIL OUT ERR        for each job
#   done VM
#
# Its files, beside the directory of this version:   leases/VM/
#   conf                version client grace tick policy settle limit
#   owner               the client for people
#   recipe-NAME         list delete enter label probe: words in a line; running busy free fetching: text
#   opening.IDENT       while it is made: by whom. Gone when the lease is complete
#   phase.half-open > live > reaping > committed > deleting > gone      (reaping > live: a pin won)
#   pin.off, pin.on     whose.own > foreign     reap.no > asked     settle.idle, settle.asked
#   cause.WORD          why it ended: asked, expired, absent        note.WORD  what cleanup waits for
#   beat.N              heartbeats so far
#   supervisor.IDENT    the one process that may change the phase
#   starter.IDENT       who is starting a job just now
#   log                 what the manager's commands said on stderr
#   jobs/JOB/           see jobs.sh, which also says what IDENT and NAME.VALUE mean
set -u; umask 077; unset CDPATH
LC_ALL=C${YASH_VERSION:+.UTF-8}; export LC_ALL        # yash loses words that its locale cannot spell
PATH=$PATH:/snap/bin:/usr/local/bin:/opt/homebrew/bin
PROC=${DAYFLY_PROC:-/proc}
case $0 in /*) HERE=${0%/*};; *) HERE=$PWD/${0%/*};; esac
SCRIPT=$HERE/warden.sh; VERSION=${HERE##*/}; LEASES=${HERE%/*}/leases
. "$HERE/jobs.sh"

# ---- answers

ok() { echo "dayfly ok"; }
end() { echo "dayfly end"; }
done_ok() { ok; end; exit 0; }
die() { local code="$1"; shift; echo "dayfly error $code $*"; end; exit 1; }

# ---- words

decode() {   # sets word
  case $1 in
  *\\*) word=$(printf '%b.' "$1"); word=${word%.};;
  *) word=$1;;
  esac
}

append_words() {   # append_words LINE COMMAND...: run it with the words of the line after its own
  local line="$1" item
  shift; set -f
  for item in $line; do decode "${item#=}"; set -- "$@" "$word"; done
  set +f
  "$@"
}

run_recipe() {   # run_recipe NAME SECONDS WORD...: that command, then these words; `-` seconds: exec it
  local line item limit="$2" extra
  IFS= read -r line <"$dir/recipe-$1"
  shift 2; extra=$#; set -f
  for item in $line; do decode "${item#=}"; set -- "$@" "$word"; done
  set +f
  while [ $extra -gt 0 ]; do set -- "$@" "$1"; shift; extra=$((extra - 1)); done
  if [ "$limit" = - ]; then exec "$@"; else bounded "$limit" "$@"; fi
}

put_line() {   # put_line FILE TEXT: a full disk may cut it short without a word, so read it back
  local back
  printf '%s\n' "$2" >"$1" && IFS= read -r back <"$1" && [ "$back" = "$2" ]
} 2>/dev/null

# ---- entering

is_id() { case $1 in ''|-*|*[!a-z0-9-]*) return 1;; esac; [ ${#1} -le 63 ]; }

enter_lease() {   # into its directory, its conf in variables; fails where there is none, or only half of one
  is_id "$1" || return 1
  lease=$1; dir=$LEASES/$1; cd "$dir" 2>/dev/null || return 1
  [ ! -e phase.half-open ] || return 1
  read -r version client grace tick policy settle limit <conf && IFS= read -r running <recipe-running || return 1
  LOG=$dir/log
  { exec 8>>"$LOG"; } 2>/dev/null
}

enter_job() { enter_lease "$1" && is_id "$2" && cd "jobs/$2" 2>/dev/null && [ -e made ] || exit 66; job=$2; }

enter_own() {   # the lease of a call, served by the version it was opened with
  enter_lease "$1" || die no-lease "no lease of that name"
  [ "$client" = "$caller" ] || [ "$force" = any ] || die not-ours "the lease belongs to another client"
}

other_script() {   # where the script is that serves this lease, if it is not this one
  [ "$version" != "$VERSION" ] && [ -e "${HERE%/*}/$version/warden.sh" ] && other=${HERE%/*}/$version/warden.sh
}

hand_over() {   # hand_over VM WORD...: a call about another version's lease is made there
  enter_lease "$1" && other_script || { cd /; return 0; }
  shift; exec sh "$other" "$@"
}

# ---- what the manager says

look() {   # sets vm: absent, unknown, or its state
  local rows
  vm=unknown
  rows=$(run_recipe list 30 </dev/null) || return 0
  rows=$NEWLINE$rows$NEWLINE
  case $rows in
  *"$NEWLINE$lease,"*) vm=${rows#*"$NEWLINE$lease,"}; vm=${vm%%"$NEWLINE"*}; vm=${vm%%,*};;
  *"$NEWLINE$lease$NEWLINE"*) vm=unnamed-state;;
  *) vm=absent;;
  esac
}

is_ours() {   # where the manager keeps labels, the VM's label must be its name
  local words
  IFS= read -r words <"$dir/recipe-label"
  [ -z "$words" ] || [ "$(run_recipe label 15 </dev/null)" = "$lease" ]
}

launch_state() {   # sets launch: none (nothing was ever sent), pending, made, or broken (nobody knows)
  local path="$dir/jobs/launch"
  if [ ! -e "$path/started" ]; then launch=none
  elif [ -e "$path/end.pending" ]; then launch=pending
  elif [ -e "$path/leader.none" ]; then launch=none
  else launch=broken; for path in "$path"/end.exit.0.*; do [ ! -e "$path" ] || launch=made; done
  fi
}

is_fetching() {   # the launch only downloads an image: killing its client ends it without a trace
  local words
  IFS= read -r words <"$dir/recipe-fetching"; [ "$words" ] || return 1
  cd "$dir/jobs/launch" && find_spool out
  case $(tail -c 160 "$spool" | tr -d '\000') in *"$words"*) cd "$dir"; return 0;; esac
  cd "$dir"; return 1
}

is_name_free() {   # asked after a launch that broke off: may the VM still appear?
  local said words
  IFS= read -r words <recipe-probe
  if [ -z "$words" ]; then
    become note settling; settled=$((settled + 1)); [ $((settled * unit_ms / 1000)) -ge "$settle" ]; return
  fi
  become note probing
  said=$(run_recipe probe 30 8>&1 </dev/null)
  IFS= read -r words <recipe-busy; case $said in *"${words:-$NEWLINE$NEWLINE}"*) return 1;; esac
  IFS= read -r words <recipe-free; case $said in *"${words:-$NEWLINE$NEWLINE}"*) return 0;; esac
  return 1
}

# ---- the supervisor: one a lease, and the only one to change its phase

is_awake() { value_of "$dir/supervisor"; is_alive "$value"; }

wake() {   # start it where it died; each is served by its own version
  [ -e phase.gone ] || is_awake || {
    if other_script; then ( SCRIPT=$other; detach _supervise "$lease" ); else detach _supervise "$lease"; fi
  }
}

poke() { wake; value_of supervisor; is_alive "$value" && kill -s USR1 "${value%%-*}"; } 2>/dev/null

set_tick() {   # tick_ms: between two looks at the lease; unit_ms: between two looks at the manager
  local part
  tick=${DAYFLY_TICK:-$tick}
  case $tick in *.*) sleep 0.01 2>/dev/null || tick=1;; esac
  case $tick in
  *.*) part=${tick#*.}000; tick_ms=$((${tick%%.*} * 1000 + 1${part%"${part#???}"} - 1000));;
  *) tick_ms=$((tick * 1000));;
  esac
  if [ $tick_ms -lt 1000 ]; then unit=$tick unit_ms=$tick_ms; else unit=1 unit_ms=1000; fi
}

rest() { sleep "$1" & wait $!; }                     # a poke ends it early

rest_units() { local n=0; while [ $n -lt "$1" ] && [ -e "supervisor.$me" ]; do rest "$unit"; n=$((n + 1)); done; }

verb__supervise() {
  enter_lease "$1" || exit
  trap '' HUP; trap : USR1
  find_me && claim supervisor || exit
  set_tick; silent=0; heard=""; settled=0
  while [ -e "supervisor.$me" ] && [ ! -e phase.gone ]; do step; done
}

step() {
  value_of beat
  [ "$value" = "$heard" ] || { heard=$value; silent=0; }
  [ ! -e pin.on ] || silent=0
  if [ -e phase.committed ] || [ -e phase.deleting ]; then destroy; return; fi
  [ ! -e phase.reaping ] || mv phase.reaping phase.live      # a supervisor died here: decide anew
  if [ -e settle.asked ]; then settle_lease; return; fi
  if [ -e reap.asked ] || [ $((silent / 1000)) -ge "$grace" ]; then expire; return; fi
  each_job revive_job
  rest "$tick"; silent=$((silent + tick_ms))
}

each_job() {   # each_job FUNCTION: in every job's directory
  local entry
  for entry in "$dir"/jobs/*/made; do
    if [ -e "$entry" ]; then cd "${entry%/made}" && "$1"; fi
  done
  cd "$dir" || exit
}

expire() {   # in two steps, so that a pin either wins or is told that it came too late
  if [ -e reap.asked ]; then become cause asked; else
    ! policy_keeps || mv pin.off pin.on
    become cause expired
  fi
  mv phase.live phase.reaping
  if [ -e pin.on ] && [ ! -e reap.asked ]; then
    mv phase.reaping phase.live; become cause none; silent=0
  else
    mv phase.reaping phase.committed
  fi
}

policy_keeps() {   # the VM is to outlive its run, and nobody is there to say so
  [ -e whose.own ] || return 1
  launch_state; [ $launch = pending ] || [ $launch = made ] || return 1
  case $policy in
  always) return 0;;
  on-failure) value_of jobs/work/end
    case $value in exit.0.*|pending|lost.vm-absent.*) return 1;; exit.*|lost.*|killed.timeout.*) return 0;; esac;;
  esac
  return 1
}

destroy() {   # may begin again at any point
  if [ -e phase.committed ]; then
    become note stopping
    each_job stop_for_good                           # an epilogue would run here, while the VM lives
    mv phase.committed phase.deleting
  fi
  launch_state
  if [ -e whose.own ] && [ $launch != none ] && [ ! -e cause.absent ]; then delete_until_absent; fi
  [ ! -e "supervisor.$me" ] || close_lease
}

close_lease() { become note none; become settle idle; mv phase.deleting phase.gone; }

stop_for_good() {
  case $PWD in
  */launch) ! mv ready cancelled 2>/dev/null || record_end killed ended;;
  *) stop_job ended;;
  esac
}

delete_until_absent() {
  absences=0 pause=1
  while [ -e "supervisor.$me" ]; do
    each_job revive_job
    look
    case $vm in
    absent) pause=1; ! count_absence || return 0;;
    unknown) absences=0; become note manager-silent; back_off;;
    *) absences=0; remove_vm;;
    esac
    rest_units $pause
  done
}

count_absence() {   # seen absent twice, and no launch that could still bring it: then it is gone
  launch_state
  if [ $launch = pending ]; then
    absences=0; become note launch-pending
    ! is_fetching || ( cd jobs/launch && stop_job ended )
    return 1
  fi
  absences=$((absences + 1))
  [ $absences -ge 2 ] || return 1
  [ $launch = made ] || is_name_free
}

remove_vm() {   # its exit status is not believed; the next look tells
  settled=0
  if ! is_ours; then become note not-ours; back_off
  elif run_recipe delete 120 </dev/null >&8; then become note deleting; pause=1
  else become note delete-refused; back_off
  fi
}

back_off() { pause=$((pause + 2)); [ $pause -le 15 ] || pause=15; }

settle_lease() {
  if is_gone_for_good; then
    become cause absent
    mv phase.live phase.reaping && mv phase.reaping phase.committed
  else
    become cause none; become note none; become settle idle
  fi
}

is_gone_for_good() {
  launch_state
  [ $launch != pending ] || return 1
  look; [ "$vm" = absent ] || return 1
  rest "$unit"
  look; [ "$vm" = absent ] || return 1
  [ $launch != broken ] || is_name_free
}

# ---- verbs

verb_open() {
  is_id "$1" && is_id "$caller" && [ $# = 16 ] || die bad-call "not a lease"
  [ "$boot" ] && find_me || die unguarded "processes cannot be told apart here: no /proc, and no ps that says when they began"
  mkdir -p "$LEASES" 2>/dev/null || die unguarded "cannot write $LEASES"
  lease=$1; dir=$LEASES/$1; clear_half_open
  if ! mkdir "$dir" 2>/dev/null; then                # this is the lock
    [ -d "$dir" ] || die unguarded "cannot write $LEASES"
    await_open
  elif ! { cd "$dir" && fill_lease "$@"; }; then
    cd / && rm -rf "$dir"; die unguarded "cannot write the lease: the disk is full or read-only"
  fi
  enter_own "$lease"; wake
  tries=0; until is_awake || [ -e phase.gone ] || [ $tries -ge 50 ]; do nap; tries=$((tries + 1)); done
  is_awake || [ -e phase.gone ] || die unguarded "no process stays alive here to guard the VM"
  done_ok
}

clear_half_open() {   # its maker died in the middle: nothing was launched, it can go
  [ -e "$dir/phase.half-open" ] || return 0
  value_of "$dir/opening"; ! is_alive "$value" || return 0
  [ -e "$dir/phase.half-open" ] || return 0          # its maker was done meanwhile
  mv "$dir" "$LEASES/.$lease.$$" && rm -rf "$LEASES/.$lease.$$"
} 2>/dev/null

await_open() {   # somebody made it, or is about to
  local tries=0
  while { [ -e "$dir/phase.half-open" ] || [ ! -e "$dir/conf" ]; } && [ $tries -lt 25 ]; do nap; tries=$((tries + 1)); done
  rmdir "$dir" 2>/dev/null                           # empty: its maker came no further
}

fill_lease() {   # as long as it is half open, nothing was launched
  local name
  : >"opening.$me" && : >phase.half-open || return 1
  for name in pin.off whose.own reap.no settle.idle cause.none note.none beat.0 supervisor.none starter.none log; do
    : >$name || return 1
  done
  mkdir jobs && put_line owner "$2" && put_line conf "$VERSION $caller $3 $4 $5 $6 $7" || return 1
  shift 7
  for name in running busy free fetching list delete enter label probe; do
    put_line "recipe-$name" "$1" || return 1
    shift
  done
  mv phase.half-open phase.live && rm -f "opening.$me"        # in this order: see clear_half_open
} 2>/dev/null

verb_start() {
  local tries=0
  enter_own "$1"; is_id "$2" || die bad-call "not a job's name"
  [ -e phase.live ] && [ -e reap.no ] || die closing "the lease is closing"
  [ -e whose.own ] || die name-taken "a VM of that name was there before"
  find_me; until claim starter; do
    tries=$((tries + 1)); [ $tries -lt 200 ] || die busy "another start is under way"
    nap
  done
  start_job "$2" "$3" "$4" "$5"; verdict=$?
  mv "$dir/starter.$me" "$dir/starter.none"
  case $verdict in
  0) done_ok;;
  2) die unguarded "cannot write the job: the disk is full";;
  3) die manager-silent "the manager does not answer";;
  4) die name-taken "a VM of that name was there before";;
  5) die closing "the lease is closing";;
  *) die unguarded "the job does not start";;
  esac
}

start_job() {   # start_job JOB PLACE WORKDIR ARGV
  local tries=0
  make_job "$@" || return 2
  if [ "$1" = launch ] && [ -e ready ]; then
    look
    [ "$vm" != unknown ] || return 3
    [ "$vm" = absent ] || { mv "$dir/whose.own" "$dir/whose.foreign"; return 4; }
  fi
  [ ! -e cancelled ] || return 5
  ! mv ready started 2>/dev/null || detach _run "$lease" "$1"
  while [ -e runner.none ] && is_pending && [ $tries -lt 50 ]; do nap 0.1; tries=$((tries + 1)); done
  [ ! -e runner.none ] || return 6
}

verb_kill() {
  enter_own "$1"; is_id "$2" && is_id "$3" || die bad-call "not a job's name"
  [ -e "jobs/$2/made" ] || die no-job "no job of that name"
  [ "$2" != launch ] || ! is_pending_launch || is_fetching || die never-killed "a launch under way is never killed"
  job=$2; cd "jobs/$2" && stop_job "$3" >/dev/null 2>&1
  done_ok
}

is_pending_launch() { launch_state; [ $launch = pending ]; }

verb_pin() {
  local tries=0
  enter_own "$1"
  [ -e reap.no ] && [ -e whose.own ] || die closing "too late: the lease has ended"
  mv pin.off pin.on 2>/dev/null
  wake
  until [ -e phase.live ]; do
    if [ -e phase.committed ] || [ -e phase.deleting ] || [ -e phase.gone ] || [ $tries -ge 100 ]; then
      mv pin.on pin.off; die closing "too late: the lease has ended"
    fi
    tries=$((tries + 1)); nap
  done
  done_ok
}

verb_unpin() { enter_own "$1"; mv pin.on pin.off 2>/dev/null; wake; done_ok; }

verb_reap() { enter_own "$1"; mv reap.no reap.asked 2>/dev/null; poke; done_ok; }

verb_settle() {
  local tries=0
  enter_own "$1"
  if [ -e phase.live ]; then
    mv settle.idle settle.asked 2>/dev/null; poke
    until [ -e settle.idle ] || [ $tries -ge 350 ]; do tries=$((tries + 1)); nap; done
  fi
  ok; report; end
}

verb_status() {
  ok
  if enter_lease "$1"; then wake; report; else say_none "$1"; fi
  end
}

verb_sweep() {
  ok
  for entry in "$LEASES"/*; do report_on look "${entry##*/}"; done
  end
}

verb_acknowledge() {
  enter_own "$1"
  if [ ! -e phase.gone ]; then still_there; die not-gone "the lease is still owed"; fi
  old=$LEASES/.$lease.$$; cd /
  mv "$dir" "$old" 2>/dev/null || { still_there; die unguarded "cannot forget the lease"; }
  rm -rf "$old" 2>/dev/null || rm -rf "$old"         # twice: a beat may just have been renamed in it
  done_ok
}

still_there() { [ -d "$dir" ] || die no-lease "somebody else was quicker to forget it"; }

verb_ask() {
  exec 8>&2 2>/dev/null
  append_words "$2" bounded "$1" </dev/null; verdict=$?
  [ ! "$timed_out" ] || { echo "dayfly asked silent" >&8; exit 0; }
  echo "dayfly asked exit $verdict" >&8
}

verb_hold() {
  local word number names name
  echo "dayfly hold"
  while read -r word number names; do
    for name in $names; do report_on "$word" "$name"; done
    echo "ok $number" || exit 0
  done 2>/dev/null
}

report_on() {   # report_on beat|look VM: by the version of the script that serves it
  case $2 in *[!a-z0-9-]*) return;; esac
  dir=$LEASES/$2; lease=$2; clear_half_open
  enter_lease "$2" || { say_none "$2"; return; }
  if [ "$1" = beat ] && [ "$client" = "$caller" ]; then
    value_of beat; mv "beat.$value" "beat.$((value + 1))" 2>/dev/null
  fi
  wake; report
}

say_none() { echo "lease $1 none off own none none none -"; echo "done $1"; }

report() {
  local phase pin whose cause note owner entry
  value_of phase; phase=$value; [ "$phase" != '*' ] || { say_none "$lease"; return; }
  value_of pin; pin=$value; value_of whose; whose=$value
  value_of cause; cause=$value; value_of note; note=$value; IFS= read -r owner <owner
  [ "$note" != none ] || find_waiting_stream
  echo "lease $lease $phase $pin $whose $cause $note $client $owner"
  for entry in jobs/*/made; do [ ! -e "$entry" ] || report_job "${entry%/made}"; done
  echo "done $lease"
}

report_job() {
  local stage=ready
  [ ! -e "$1/started" ] || stage=started
  value_of "$1/end"; [ "$value" != pending ] || value=pending.none.0.0
  set -- "${1#jobs/}" "${value%%.*}" "${value#*.}"
  set -- "$1" "$2" "${3%%.*}" "${3#*.}"
  echo "job $lease $1 $stage $2 $3 ${4%%.*} ${4#*.}"
}

find_waiting_stream() {   # a job that must wait for room says so in the note
  local entry
  for entry in jobs/*/flow-*.disk-full jobs/*/flow-*.full; do
    [ -e "$entry" ] || continue
    entry=${entry%/*}
    if [ -e "$entry/flow-out.disk-full" ] || [ -e "$entry/flow-err.disk-full" ]; then note="disk-full"; else note="spool-full"; fi
    return
  done
}

# ---- the call

follow_call() {
  enter_lease "$1" || exit 65
  [ "$client" = "$caller" ] || [ "$force" = any ] || exit 68
  enter_job "$1" "$2"; verb_follow "$3" "$4"
}

main() {
  local count=0
  if [ $# = 0 ]; then
    read -r count || die bad-call "no words"
    while [ "$count" -gt 0 ]; do
      IFS= read -r word || die bad-call "words are missing"
      decode "$word"; set -- "$@" "$word"; count=$((count - 1))
    done
  fi
  find_grouper; find_boot || boot=
  exec 8>/dev/null
  case ${1:-} in
  _supervise|_run|_lead|_pump) verb=$1; shift; "verb_$verb" "$@"; return;;
  start|kill|pin|unpin|reap|settle|status|acknowledge|follow) hand_over "${4:-}" "$@";;
  esac
  [ $# -ge 3 ] || die bad-call "no such call"
  verb=$1 caller=$2 force=$3; shift 3
  case $verb in
  open|start|kill|pin|unpin|reap|settle|status|sweep|acknowledge|ask|hold) "verb_$verb" "$@";;
  follow) follow_call "$@";;
  *) die bad-call "no such verb";;
  esac
}
main "$@"
