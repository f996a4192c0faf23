# Two "hosts" on this machine, to be sourced: network namespaces joined by a veth pair, each with its own
# host name, its own /tmp and its own CPU core. Only root may make them.
#
#   hosts_up          makes the hosts one (10.77.0.1) and two (10.77.0.2)
#   on HOST COMMAND   runs it there
#   hosts_mpirun ...  mpirun on host one, which reaches host two by an agent instead of ssh
#   hosts_down        removes them
#
# $WORK is a folder that both see at the same path, as a shared file system would be; what either puts into
# /tmp the other does not see.

: "${WORK:?a folder that both hosts see, not below /tmp}"
hosts=$(mktemp -d /tmp/googlenetd-hosts.XXXXXX)
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# A process keeps each host's namespaces alive.
hosts_up() {
    printf '127.0.0.1 localhost\n10.77.0.1 one\n10.77.0.2 two\n' > "$hosts/names"
    for host in one two; do
        unshare --net --uts --mount --propagation private sleep infinity &
        echo $! > "$hosts/$host.pid"
    done
    echo 0 > "$hosts/one.core"
    echo $(($(nproc) > 1 ? 1 : 0)) > "$hosts/two.core"
    sleep 1
    ip link add v-one type veth peer name v-two
    for host in one two; do
        ip link set "v-$host" netns "$(cat "$hosts/$host.pid")"
        inside "$host" hostname "$host"
        inside "$host" mount --bind "$hosts/names" /etc/hosts
        inside "$host" ip link set lo up
        inside "$host" sysctl -q -w net.ipv4.tcp_retries2=5  # a network that is gone: noticed in seconds, not in 15 minutes
        inside "$host" ip link set "v-$host" name eth0
        inside "$host" ip link set eth0 up
    done
    inside one ip addr add 10.77.0.1/24 dev eth0
    inside two ip addr add 10.77.0.2/24 dev eth0
    { # the agent: ssh's arguments, a host and a command
        echo '#!/bin/sh'
        echo 'host=$1; shift'
        echo "exec nsenter -t \$(cat $hosts.run/\$host.pid) -n -u -m -- taskset -c \$(cat $hosts.run/\$host.core) sh -c \"\$*\""
    } > "$hosts/agent"
    chmod +x "$hosts/agent"
    # Where both see it, whatever is mounted on /tmp.
    mkdir -p "$WORK/hosts" && cp "$hosts"/* "$WORK/hosts/"
    sed -i "s#$hosts.run#$WORK/hosts#g" "$WORK/hosts/agent"
    for host in one two; do
        inside "$host" mount -t tmpfs tmpfs /tmp
    done
    # 1 Gbit/s and 1 ms, if asked for.
    if [ -n "${NETEM:-}" ]; then
        for host in one two; do
            inside "$host" tc qdisc add dev eth0 root netem $NETEM || { echo "this kernel has no netem: the link is as fast as veth is"; break; }
        done
    fi
}

inside() {
    local host=$1; shift
    nsenter -t "$(cat "$hosts/$host.pid")" -n -u -m --wd="$PWD" -- "$@"
}

on() {
    local host=$1; shift
    inside "$host" taskset -c "$(cat "$hosts/$host.core")" "$@"
}

hosts_mpirun() {
    on one mpirun --host one:1,two:1 --bind-to none --mca plm_rsh_agent "$WORK/hosts/agent" --mca btl tcp,self \
        --mca btl_tcp_if_include eth0 --mca oob_tcp_if_include eth0 "$@"
}

hosts_down() {
    for host in one two; do
        [ -f "$hosts/$host.pid" ] && kill "$(cat "$hosts/$host.pid")" 2> /dev/null
    done
    rm -rf "$hosts"
    return 0
}
