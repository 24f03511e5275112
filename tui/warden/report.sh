# shellcheck shell=sh disable=SC2015,SC2034,SC2086,SC2094,SC2154,SC2164,SC3043
# report.sh: what the warden tells of its leases. warden.sh sources it.
#
# A REPORT is
#   lease VM PHASE off|on|SECONDS own|foreign CAUSE NOTE GRACE FINISH SILENT kept|dropped CLIENT OWNER...
#   job VM JOB ready|started host|guest|exec pending|exit|killed|lost DETAIL OUT ERR        for each job
#   done VM
# The third word is the pin, or what is left of it; SILENT the seconds since the last heartbeat, roughly;
# then whether what the jobs wrote is still there. An `exec` job is in the guest and dies with the command that
# entered it.

verb_status() {
  ok
  if enter_lease "$1"; then wake; report; else say_none "$1"; fi
  end
}

verb_sweep() {
  local entry
  ok
  for entry in "$LEASES"/*; do report_on look "${entry##*/}"; done
  end; tidy
}

verb_hold() {
  local word number names name
  touch "$HERE" 2>/dev/null
  echo "dayfly hold"
  while read -r word number names; do
    for name in $names; do report_on "$word" "$name"; done
    echo "ok $number" || exit 0
  done 2>/dev/null
}

report_on() {   # report_on beat|look VM. A supervisor is of the version of its lease; the report is ours
  case $2 in *[!a-z0-9-]*) return;; esac
  dir=$LEASES/$2; lease=$2; clear_half_open
  enter_lease "$2" || { say_none "$2"; return; }
  if [ "$1" = beat ] && [ "$client" = "$caller" ]; then renew; fi
  wake; report
}

renew() {   # what is gone is let alone: its files tell by their age how long it has been
  [ -e phase.gone ] || { value_of beat; mv "beat.$value" "beat.$((value + 1))"; }
} 2>/dev/null

say_none() { echo "lease $1 none off own none none 0 0 0 kept none -"; echo "done $1"; }

report() {
  local phase pin whose cause note times silence spools owner entry
  value_of phase; phase=$value; [ "$phase" != '*' ] || { say_none "$lease"; return; }
  value_of pin; pin=${value%%.*}; value_of whose; whose=$value
  value_of cause; cause=$value; value_of note; note=$value
  value_of grace; times="${value%%.*} ${value#*.}"; value_of silent; silence=$value
  value_of spools; spools=$value; IFS= read -r owner <owner
  [ "$note" != none ] || find_waiting_stream
  echo "lease $lease $phase $pin $whose $cause $note $times $silence $spools $client $owner"
  for entry in jobs/*/made; do [ ! -e "$entry" ] || report_job "${entry%/made}"; done
  echo "done $lease"
}

report_job() {
  local stage=ready place
  [ ! -e "$1/started" ] || stage=started
  value_of "$1/bound"; place=$value
  [ "$place" != '*' ] || place=host
  value_of "$1/end"; [ "$value" != pending ] || value=pending.none.0.0
  set -- "${1#jobs/}" "${value%%.*}" "${value#*.}"
  set -- "$1" "$2" "${3%%.*}" "${3#*.}"
  echo "job $lease $1 $stage $place $2 $3 ${4%%.*} ${4#*.}"
}

find_waiting_stream() {   # a job that stands still says why in the note: see jobs.sh and copier.sh
  local entry
  for entry in jobs/*/flow-*.*; do
    [ -e "${entry%/*}/end.pending" ] || continue
    case $entry in *.open|*.closed) ;; *.full) note=spool-full;;
    *.guest-silent) [ "$note" != none ] || note=guest-silent;;
    *) note=${entry##*.}; return;; esac
  done
}
