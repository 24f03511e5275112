#!/bin/sh
# shellcheck disable=SC1091,SC2015,SC2034,SC2086,SC2094,SC2154,SC2164,SC3043
# warden.sh: guards VMs on their host. It keeps a lease of every VM that is owed a deletion, runs durable
# jobs, and deletes the VM when its client says so or falls silent. This is the way in; its parts lie beside it.
# Plain POSIX sh (and `local`). No clock decides anything; every change of state is the rename of a file
# that was made when the lease was opened, so that a full disk stops no heartbeat, pin, expiry or deletion.
#
# A CALL is   sh warden.sh   with words on stdin: their number, then one word a line, each byte that is not
# plain written as \0ooo. The words are   VERB CLIENT own|any ARGUMENT...   where CLIENT is who calls; with
# `any` it may act on another client's lease. A whole command as one argument is "words in a line": each of
# its words begins with = and is escaped again. Every call may be said again.
# An ANSWER is `dayfly ok` or `dayfly error CODE TEXT`, then lines, then `dayfly end`.
#
#   open VM OWNER GRACE FINISH TICK PIN PIN-FOR SETTLE LANE LIMIT EPILOGUE-SECONDS EPILOGUE-LIMIT
#        RUNNING BUSY FREE FETCHING TAKEN LIST DELETE ENTER LABEL PROBE [JOB COMMAND]...
#                           write the lease; seconds, pin policy (its pins hold for seconds, or `none`: for ever),
#                           deletions at once, bytes a spool of a job; the epilogue's bounds; the reap recipe; the epilogue
#   start VM JOB PLACE WORKDIR COMMAND [SPOOL]    the job `launch` makes the VM: its name must be free. SPOOL: its
#                           stdin; only on the host
#   spool VM NAME           have that spool in the lease, with no writer; the line is its size: see spools.sh
#   put VM NAME OFFSET      raw: append stdin to it, to its end. Exit 0: it is all there; 65 no lease, 67 it has not
#                           that size now, 68 another client's, 69 the lease is closing; else it cannot be written
#   drop VM NAME            remove it
#   kill VM JOB WHY         TERM, after 5 s KILL; a launch only while it downloads an image
#   pin VM [SECONDS]        disarm every reaper, for so long or until unpinned; the last word counts
#   unpin VM                arm them again; the grace begins anew
#   grace VM SECONDS FINISH     from now on wait so long for a heartbeat; FINISH: where work goes on
#   reap VM                 end the lease, pinned or not
#   release VM              end it unless it is pinned: the run is over
#   settle VM               close the lease if the VM is gone and no launch can bring it back; deletes nothing
#   status VM, sweep        reports (see report.sh) on one lease, on all of the account; wakes what is dead
#   acknowledge VM          forget a lease that is gone
#   follow VM JOB OUT ERR   raw: its stdout on stdout, its stderr on stderr, from these offsets on. Keep stdin
#                           open. Exit 0: ask for the status, follow again if bytes are missing; 65 no lease,
#                           66 no job, 67 fetched before and gone, 68 another client's, 69 kept too long and gone
#   enter VM COMMAND        raw: run it in the VM if that is ours, live and running; it ends with its channel.
#                           Exit 65 no lease, 68 another client's, 69 the lease is closing, 70 the VM does not run
#   terminal VM COMMAND     raw, on a terminal: become that command of the host, after the same look; see hush
#   ask SECONDS COMMAND     run it, bounded; its stdout on stdout, its stderr on stderr, then there a line
#                           `dayfly asked exit N` or `dayfly asked silent`
#   hold                    stays. Lines in: `beat N VM...` renews these leases, `look N VM...` only asks.
#                           Lines out: a report on each, then `ok N`
#
# Beside the directory of this version:
#   leases/VM/              see leases.sh
#   managers/KEY/           see manager.sh
set -u; umask 077; unset CDPATH
LC_ALL=C${YASH_VERSION:+.UTF-8}; export LC_ALL        # yash loses words that its locale cannot spell
PATH=$PATH:/snap/bin:/usr/local/bin:/opt/homebrew/bin
PROC=${DAYFLY_PROC:-/proc}
case $0 in /*) HERE=${0%/*};; *) HERE=$PWD/${0%/*};; esac
SCRIPT=$HERE/warden.sh; VERSION=${HERE##*/}; LEASES=${HERE%/*}/leases
. "$HERE/jobs.sh"; . "$HERE/copier.sh"; . "$HERE/leases.sh"; . "$HERE/manager.sh"; . "$HERE/reaping.sh"
. "$HERE/report.sh"; . "$HERE/spools.sh"

# ---- answers

ok() { echo "dayfly ok"; }
end() { echo "dayfly end"; }
done_ok() { ok; end; exit 0; }
die() { local code="$1"; shift; echo "dayfly error $code $*"; end; exit 1; }

run_recipe() {   # run_recipe NAME HOW WORD...: that command, then these words. HOW: SECONDS, `-` to exec it, or spawn
  local line item limit="$2" extra
  IFS= read -r line <"$dir/recipe-$1"
  shift 2; extra=$#; set -f
  for item in $line; do decode "${item#=}"; set -- "$@" "$word"; done
  set +f
  while [ $extra -gt 0 ]; do set -- "$@" "$1"; shift; extra=$((extra - 1)); done
  case $limit in -) exec "$@";; *[!0-9]*) "$limit" "$@";; *) bounded "$limit" "$@";; esac
}

# ---- verbs

verb_start() {
  local tries=0
  enter_own "$1"; is_id "$2" || die bad-call "not a job's name"
  [ -z "${6:-}" ] || { is_id "$6" && [ "$3" = host ]; } || die bad-call "not a spool's name"
  is_open || die closing "the lease is closing"
  [ -e whose.own ] || die name-taken "a VM of that name was there before"
  find_me; until claim starter; do
    tries=$((tries + 1)); [ $tries -lt 200 ] || die busy "another start is under way"
    nap
  done
  start_job "$2" "$3" "$4" "$5" "${6:-}"; verdict=$?
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

start_job() {   # start_job JOB PLACE WORKDIR ARGV SPOOL
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

verb_pin() {   # the rename is the wish, the phase that follows is the answer
  local wish=on tries=0
  enter_own "$1"
  [ -z "${2:-}" ] || { is_number "$2" && [ "$2" -gt 0 ] && wish=$2.$$; } || die bad-call "not a number of seconds"
  [ -e reap.no ] && [ -e whose.own ] || die closing "too late: the lease has ended"
  until become pin "$wish" || [ $tries -ge 9 ]; do tries=$((tries + 1)); done     # it may just be counted down
  wake
  tries=0
  until [ -e phase.live ] && [ -e reap.no ]; do
    if [ -e reap.asked ] || [ ! -e phase.reaping ] || [ $tries -ge 275 ]; then
      [ ! -e phase.live ] || [ -e reap.asked ] || break
      become pin off; die closing "too late: the lease has ended"
    fi
    tries=$((tries + 1)); nap
  done
  done_ok
}

verb_unpin() { enter_own "$1"; become pin off; renew; poke; done_ok; }

verb_grace() {
  enter_own "$1"
  is_number "$2" && is_number "$3" || die bad-call "not a number of seconds"
  is_open || die closing "too late: the lease has ended"
  become grace "$2.$3"; renew; poke
  done_ok
}

verb_reap() { enter_own "$1"; mv reap.no reap.asked 2>/dev/null; poke; done_ok; }

verb_release() {   # a pin and a release each look for the other again once they have said their word
  enter_own "$1"
  [ ! -e reap.no ] || [ -e pin.off ] || die pinned "the VM is pinned"      # its end may be said already
  if mv reap.no reap.asked 2>/dev/null && [ ! -e pin.off ] && [ -e phase.live ]; then
    mv reap.asked reap.no; die pinned "the VM is pinned"
  fi
  poke; done_ok
}

verb_settle() {
  local tries=0
  enter_own "$1"
  if [ -e phase.live ]; then
    mv settle.idle settle.asked 2>/dev/null; poke
    until [ -e settle.idle ] || [ $tries -ge 350 ]; do tries=$((tries + 1)); nap; done
  fi
  ok; report; end
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

# ---- entering the VM

refuse() { local code="$1"; shift; echo "dayfly: $*" >&2; exit "$code"; }

may_enter() {   # may_enter VM
  enter_lease "$1" || refuse 65 "no lease of that name"
  [ "$client" = "$caller" ] || [ "$force" = any ] || refuse 68 "the lease belongs to another client"
  [ -e phase.live ] && [ -e reap.no ] && [ -e whose.own ] || refuse 69 "the lease is closing"
  look; [ "$vm" = "$running" ] || refuse 70 "the VM does not run, the manager says: $vm"
  is_ours || refuse 68 "the VM has another label"
  cd /
}

hush() {   # on a terminal: words and answers pass as they are, unseen. What was said before this is not ours
  terminal=$(stty -g) && stty raw -echo && echo "dayfly ready"
}

verb_terminal() {   # what follows the second mark is the command's
  [ "$terminal" ] || refuse 1 "no terminal"
  may_enter "$1"
  stty "$terminal"; echo "dayfly begin"
  exec 7<&- 8>&-
  append_words "$2" exec
}

verb_enter() {   # bound to its channel: a guard must notice its end
  local child guard status
  may_enter "$1"
  exec 3<&0 4>&2 </dev/null 2>/dev/null
  { append_words "$2" run_recipe enter -; } <&3 2>&4 3<&- 4>&- 8>&- & child=$!
  born_of $child || born=gone
  guard_channel "$child-$born-$boot" 3<&- 4>&- 8>&- & guard=$!
  exec 3<&- 4>&-
  wait $child; status=$?
  kill -s USR2 $guard; wait $guard
  [ $status -le 384 ] || status=$((status - 256))             # yash
  exit $status
}

guard_channel() {   # guard_channel IDENT: when nobody reads our stdout any more, the command ends
  trap '[ $! = $child ] || kill -s KILL $!; exit 0' USR2
  perl -e '-p STDOUT or exit 1; vec($r, 1, 1) = 1; select($r, undef, undef, undef)' & wait $! || exit 0
  trap '' USR2
  is_alive "$1" && signal_tree TERM "${1%%-*}"
  nap 2
  is_alive "$1" && signal_tree KILL "${1%%-*}"
}

# ---- the call

follow_call() {
  enter_lease "$1" || exit 65
  [ "$client" = "$caller" ] || [ "$force" = any ] || exit 68
  [ ! -e spools.dropped ] || exit 69
  enter_job "$1" "$2"; verb_follow "$3" "$4"
}

main() {
  local count=0
  terminal=
  if [ $# = 0 ]; then
    [ ! -t 0 ] || hush || die bad-call "no terminal"
    read -r count || die bad-call "no words"
    while [ "$count" -gt 0 ]; do
      IFS= read -r word || die bad-call "words are missing"
      decode "$word"; set -- "$@" "$word"; count=$((count - 1))
    done
  fi
  find_grouper; find_boot || boot=
  exec 8>/dev/null
  case ${1:-} in
  _run) trap poke_lease EXIT; shift; verb__run "$@"; exit;;   # so that what follows its end begins at once
  _supervise|_tidy|_lead|_pump|_copy) verb=$1; shift; "verb_$verb" "$@"; return;;
  start|spool|put|drop|kill|pin|unpin|grace|reap|release|settle|status|acknowledge|follow|enter) hand_over "${4:-}" "$@";;
  esac
  [ $# -ge 3 ] || die bad-call "no such call"
  verb=$1 caller=$2 force=$3; shift 3
  case $verb in
  open|start|spool|put|drop|kill|pin|unpin|grace|reap|release|settle|status|sweep|acknowledge|ask|hold|enter|terminal) "verb_$verb" "$@";;
  follow) follow_call "$@";;
  *) die bad-call "no such verb";;
  esac
}
main "$@"
