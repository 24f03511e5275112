# On the host: delete $vm whenever it is listed. It is gone when it was seen absent twice and no launch of
# it is under way: a VM that is being prepared is in no list yet. The launch of an image that cannot exist
# tells these two apart and makes nothing. Gives up after $tries, a second each.
absent=0
nl='
'
while [ "$absent" -lt 2 ] && [ "$tries" -gt 0 ]; do
    tries=$((tries - 1))
    if ! listed=$("$multipass" list --format csv </dev/null); then
        absent=0
    else
        case $nl$listed in
        *"$nl$vm,"*)
            absent=0
            "$multipass" delete --purge "$vm" </dev/null || :
            ;;
        *)
            said=$("$multipass" launch file:///no/such.img --name "$vm" </dev/null 2>&1) || :
            case $said in
            *'/no/such.img'*'does not exist'*) absent=$((absent + 1)) ;;
            *) absent=0 ;;
            esac
            ;;
        esac
    fi
    [ "$absent" -ge 2 ] || sleep 1
done
[ "$absent" -ge 2 ]
