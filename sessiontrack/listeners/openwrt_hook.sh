# Reports what hostapd, dnsmasq or OpenWrt's hotplug says of a device, with curl or wget. Called as:
#   hostapd_cli -a:          <interface> AP-STA-CONNECTED|AP-STA-DISCONNECTED <MAC>
#   dnsmasq's dhcp-script:   add|old|del <MAC> <IP> [name]
#   /etc/hotplug.d/dhcp/:    ACTION=add|update|remove, MACADDR, IPADDR, HOSTNAME
# A failure is one line on standard error and in the system's log, and the report is lost: nothing is sent again. A
# host beside the access point that runs `sessiontrack scan network` makes up for a lost arrival, not for a lost
# departure.

only() { # the characters $1 of the text $2
    printf '%s' "$2" | tr -cd "$1"
}

fail() { # a line on standard error, and in the system's log
    command -v logger >/dev/null && logger -t sessiontrack "$1"
    echo "sessiontrack: $1" >&2
}

post() { # event, source, MAC address, IP address, name
    mac=$(only '0-9A-Fa-f:.-' "$3")
    if [ "$mac" != "$3" ]; then
        fail "this is no MAC address: $(only 'A-Za-z0-9._:-' "$3" | cut -c 1-64)"
        return 1
    fi
    ip=$(only '0-9A-Fa-f:.' "$4")
    name=$(only 'A-Za-z0-9._ -' "$5")
    source=$(only 'A-Za-z0-9._:-' "$2" | cut -c 1-64)
    body="{\"source\": \"$source\", \"event\": \"$1\", \"mac\": \"$mac\"${ip:+, \"ip\": \"$ip\"}${name:+, \"name\": \"$name\"}}"
    if command -v curl >/dev/null; then
        curl -fsS -m 20 -o /dev/null -H "Authorization: Bearer $TOKEN" -d "$body" "$URL/presence/events"
    else
        limit= # BusyBox's wget may crash with a time limit of its own
        command -v timeout >/dev/null && limit="timeout 20"
        $limit wget -q -O /dev/null --header="Authorization: Bearer $TOKEN" --post-data="$body" \
            "$URL/presence/events"
    fi || {
        fail "$URL took no report of $mac"
        return 1
    }
}

lease() { # add|old|del, MAC address, IP address, name
    case "$3" in
    *:*) kind=dhcp6 mac=${DNSMASQ_MAC:-} ;; # the second word is then a DUID
    *) kind=dhcp mac=$2 ;;
    esac
    [ -n "$mac" ] || return 0
    case "$1" in
    add) post connected "$kind:$HOST" "$mac" "$3" "$4" ;;
    old | update) post seen "$kind:$HOST" "$mac" "$3" "$4" ;;
    del | remove) post disconnected "$kind:$HOST" "$mac" "$3" "$4" ;;
    esac
}

HOST=$(uname -n)
case "${2:-}" in
AP-STA-CONNECTED) post connected "hostapd:$HOST:$1" "$3" "" "" ;;
AP-STA-DISCONNECTED) post disconnected "hostapd:$HOST:$1" "$3" "" "" ;;
AP-* | CTRL-* | WPS-*) ;;
*)
    if [ $# -ge 3 ]; then
        lease "$1" "$2" "$3" "${4:-}"
    elif [ -n "${MACADDR:-}" ]; then
        # procd leaves out a HOSTNAME that is empty, and BusyBox's shell then sets one, unexported: this host's own.
        lease "${ACTION:-}" "$MACADDR" "${IPADDR:-}" "$(env | sed -n 's/^HOSTNAME=//p')"
    fi
    ;;
esac
