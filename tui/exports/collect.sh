# collect FILE LIMIT NEEDED PROGRAM: brings a tar of what the program finds in the VM into FILE.
collect() {
    work_status=$status
    if ! mkdir -p "$(dirname "$1")" || ! : >"$1"; then
        fail "$1 cannot be written"
    fi
    in_vm sh -c "$4" </dev/null >"$1" &
    follow
    if [ "$status" -ne 0 ] || [ "$(wc -c <"$1")" -ge "$2" ]; then
        say "$1 is not whole, or there was nothing for it: status $status"
        [ -z "$3" ] || [ "$work_status" -ne 0 ] || work_status=125
    else
        say "$1 is here; it comes from a VM: look at it with tar -tf before you unpack it"
    fi
    status=$work_status
}
