# shellcheck shell=sh disable=SC2015,SC2034,SC2086,SC2094,SC2154,SC2164,SC3043
# reaping.sh: the supervisor, a detached process for each lease and the only one to change its phase. It counts
# its own ticks; no clock decides anything. In an idle tick nothing forks but `sleep`. warden.sh sources it.

is_awake() { value_of "$dir/supervisor"; is_alive "$value"; }

wake() {   # start it where it died; each is served by its own version
  [ -e phase.gone ] || is_awake || {
    if other_script; then ( SCRIPT=$other; detach _supervise "$lease" ); else detach _supervise "$lease"; fi
  }
}

poke() { wake; value_of supervisor; is_alive "$value" && kill -s USR1 "${value%%-*}"; } 2>/dev/null

poke_lease() { cd "$dir" && poke; } 2>/dev/null

set_tick() {   # tick_ms: between two looks at the lease; calm_ms: where nothing is near; unit_ms: at the manager
  local part
  tick=${DAYFLY_TICK:-$tick}
  case $tick in *.*) sleep 0.01 2>/dev/null || tick=1;; esac
  case $tick in
  *.*) part=${tick#*.}000; tick_ms=$((${tick%%.*} * 1000 + 1${part%"${part#???}"} - 1000));;
  *) tick_ms=$((tick * 1000));;
  esac
  if [ $tick_ms -lt 1000 ]; then unit=$tick unit_ms=$tick_ms; else unit=1 unit_ms=1000; fi
  calm_ms=$((tick_ms * 2)) part=$((1000 + tick_ms * 2 % 1000)) calm=$((tick_ms * 2 / 1000))
  [ $part = 1000 ] || calm=$calm.${part#1}
}

rest() { sleep "$1" & wait $!; }                     # a poke ends it early: then it fails

rest_units() { local n=0; while [ $n -lt "$1" ] && [ -e "supervisor.$me" ]; do rest "$unit"; n=$((n + 1)); done; }

verb__supervise() {
  enter_lease "$1" || exit
  trap '' HUP; trap : USR1
  find_me && claim supervisor || exit
  set_tick; silent=0; told=-1; heard=""; grace=""; finish=""; settled=0; stopped=""; epilogue_ms=0; pin_seen=""; pin_ms=0
  while [ -e "supervisor.$me" ] && [ ! -e phase.gone ]; do step; done
}

step() {
  if [ -e phase.live ]; then step_live
  elif [ -e phase.reaping ]; then step_reaping
  elif [ -e phase.committed ]; then ! wind_down || mv phase.committed phase.deleting
  elif [ -e phase.deleting ]; then destroy
  else rest "$unit"
  fi
}

each_job() {   # each_job FUNCTION: in every job's directory
  local entry
  for entry in "$dir"/jobs/*/made; do
    if [ -e "$entry" ]; then cd "${entry%/made}" && "$1"; fi
  done
  cd "$dir" || exit
}

revive_jobs() {
  local entry
  for entry in jobs/*/end.pending; do
    if [ -e "$entry" ]; then cd "${entry%/*}" && revive_job; cd "$dir" || exit; fi
  done
}

# ---- a lease that lives

step_live() {
  listen
  if [ -e settle.asked ]; then settle_lease; return; fi
  if is_over; then stopped=""; mv phase.live phase.reaping; return; fi
  revive_jobs
  if ! run_epilogue; then pass "$unit" $unit_ms
  elif [ $((grace * 1000 - silent)) -gt $((tick_ms * 10)) ]; then pass "$calm" $calm_ms
  else pass "$tick" $tick_ms
  fi
}

listen() {   # sets silent, in ms, grace and finish
  [ -e "beat.$heard" ] || { value_of beat; heard=$value; silent=0; }
  [ -e "grace.$grace.$finish" ] || { value_of grace; grace=${value%%.*} finish=${value#*.}; }
  local seconds=$((silent / 1000)) part
  part_of "$grace"
  if [ $seconds -lt $told ] || [ $seconds -ge $((told + part)) ] || [ $told -lt 0 ]; then
    become silent $seconds; told=$seconds
  fi
}

part_of() {   # sets part: how coarsely so many seconds are counted in the name of a file
  part=$(($1 / 10))
  if [ $part -gt 30 ]; then part=30; elif [ $part -lt 1 ]; then part=1; fi
}

pass() {   # pass SECONDS MS: let this time go by, and count it
  rest "$1" || return
  silent=$((silent + $2))
  if [ -e epilogue.running ]; then epilogue_ms=$((epilogue_ms + $2)); fi
  if [ ! -e pin.off ] && [ ! -e pin.on ]; then count_pin "$2"; fi
}

is_working() { [ -e jobs/work/started ] && [ -e jobs/work/end.pending ]; }

is_deserted() {   # no heartbeat for longer than the grace, or where work goes on, than it may take alone
  [ $((silent / 1000)) -ge "$grace" ] || return 1
  ! is_working || [ $((silent / 1000)) -ge "$finish" ]
}

is_over() {   # is the lease to end? Its cause says why
  if [ -e reap.asked ]; then become cause asked; return; fi
  [ -e pin.off ] || return 1
  [ ! -e cause.pin-expired ] || return 0             # the supervisor died meanwhile
  is_deserted || return 1
  if ! policy_keeps; then become cause expired
  elif [ "$pin_for" = none ]; then mv pin.off pin.on; return 1
  else mv pin.off "pin.$pin_for.policy"; return 1
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

count_pin() {   # count_pin MS: what is left of a pin is in its name, so that it outlives this process
  local left
  value_of pin
  [ "$value" = "$pin_seen" ] || { pin_seen=$value; pin_ms=0; }
  pin_ms=$((pin_ms + $1)) left=${value%%.*}
  case $left in off|on|*[!0-9]*) return;; esac
  part_of "$left"
  [ $pin_ms -ge $((part * 1000)) ] || return 0
  left=$((left - pin_ms / 1000))
  if [ $left -le 0 ]; then expire_pin; return; fi
  pin_seen=$left.${value#*.} pin_ms=$((pin_ms % 1000))
  mv "pin.$value" "pin.$pin_seen" 2>/dev/null
}

expire_pin() {   # the lease ends with it, unless a client is there and the run goes on
  if is_deserted || { [ -e jobs/work/made ] && ! is_working; }; then become cause pin-expired; fi
  mv "pin.$pin_seen" pin.off 2>/dev/null || become cause none        # it was pinned anew in this moment
}

# ---- the epilogue: jobs that bring out of the VM what the work left there, once

run_epilogue() {   # one step of it; fails while it goes on
  if [ -e epilogue.none ] || [ -e epilogue.over ]; then return 0; fi
  [ -e epilogue.running ] || is_epilogue_due || return 0
  local name why=""
  IFS= read -r names <epilogue-jobs
  [ ! -e cause.absent ] || why=vm-absent
  for name in $names; do
    cd "$dir/jobs/$name" || break
    run_epilogue_job || { cd "$dir"; return 1; }
  done
  cd "$dir"; mv epilogue.running epilogue.over
}

is_epilogue_due() {   # the work has ended or was stopped. Where there was none there is nothing to bring out
  if [ -e jobs/work/started ]; then
    if [ -e phase.live ] && is_working; then return 1; fi
    mv epilogue.waiting epilogue.running
  else
    [ ! -e phase.live ] || return 1
    mv epilogue.waiting epilogue.over; each_job cancel_job; return 1
  fi
}

run_epilogue_job() {   # fails while it runs. Where one cannot enter the VM, the others need not try
  if is_pending; then
    if [ "$why" ]; then ! mv ready cancelled 2>/dev/null || record_end lost "$why"
    elif [ $epilogue_ms -ge $((epilogue_s * 1000)) ]; then stop_job timeout
    elif mv ready started 2>/dev/null; then detach _run "$lease" "$name"; return 1
    else revive_job; return 1
    fi
  fi
  value_of end
  case $value in lost.vm-*|lost.manager-silent.*) why=${value#lost.}; why=${why%%.*};; esac
}

cancel_job() { ! mv ready cancelled 2>/dev/null || record_end killed ended; }

# ---- a lease that ends

step_reaping() {   # a pin wins as long as it is not decided, however far the work was stopped
  if [ -e reap.asked ]; then become cause asked; mv phase.reaping phase.committed
  elif [ ! -e pin.off ]; then become cause none; become note none; silent=0; mv phase.reaping phase.live
  elif ! wind_down; then return
  elif [ -e pin.off ]; then mv phase.reaping phase.committed
  fi
}

wind_down() {   # stop the work, then let the epilogue run; fails while that goes on
  if [ ! "$stopped" ]; then become note stopping; each_job stop_for_good; remove_spools; stopped=yes; fi
  run_epilogue && return
  pass "$unit" $unit_ms; return 1
}

stop_for_good() {
  case $PWD in
  */launch) cancel_job;;
  *) [ -e epilogue ] || stop_job ended;;
  esac
}

destroy() {   # may begin again at any point
  launch_state
  if [ -e whose.own ] && [ $launch != none ] && [ ! -e cause.absent ]; then delete_until_absent; fi
  [ ! -e "supervisor.$me" ] || close_lease
}

close_lease() {   # the age of the file tells how long it has been gone
  become note none; become settle idle
  : >phase.deleting; mv phase.deleting phase.gone
}

delete_until_absent() {
  absences=0 pause=0; find_manager
  while [ -e "supervisor.$me" ]; do
    revive_jobs
    look_together
    case $vm in
    absent) pause=0; ! count_absence || return 0;;
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
  if ! is_ours; then become note not-ours; back_off; return; fi
  take_lane
  if run_recipe delete 120 </dev/null >&8; then become note deleting; pause=0
  else become note delete-refused; back_off
  fi
  leave_lane
}

back_off() { pause=$((pause + 2)); [ $pause -le 15 ] || pause=15; }

settle_lease() {
  if is_gone_for_good; then
    become cause absent; stopped=""
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
