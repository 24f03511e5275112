unpack='
    set -e
    folder=$(mktemp -d)
    tar --no-same-owner -xpf /var/tmp/dayfly-input.tar -C "$folder"
    if [ -d "$folder/$1" ]; then
        mkdir -p -- "$2"
        cp -a -- "$folder/$1/." "$2/"
    else
        mkdir -p -- "$(dirname -- "$2")"
        cp -a -- "$folder/$1" "$2"
    fi
    rm -rf -- "$folder" /var/tmp/dayfly-input.tar
'

# send FOLDER NAME TO: brings a file or a folder of this machine into the VM.
send() {
    say "sending $1/$2"
    COPYFILE_DISABLE=1 tar -cf - -C "$1" "./$2" | multipass transfer - "$vm:/var/tmp/dayfly-input.tar" &
    follow
    [ "$status" -eq 0 ] || fail "$1/$2 did not get into $vm: status $status"
    in_vm sh -c "$unpack" unpack "$2" "$3" </dev/null &
    follow
    [ "$status" -eq 0 ] || fail "$1/$2 did not get to its place in $vm: status $status"
}
