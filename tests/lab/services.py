"""The services that a lab device may run: each is files for its data disk, start lines, and ports to wait for.

The paths in ``files`` are below the device's ``/data``; ``rootfs/`` there is laid over ``/etc`` at each start.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .network import LAN4, LAN6

_PROGRAMS = Path(__file__).with_name("device")
ROOT_PASSWORD = "admin"  # the planted default password
# Hashed as small routers do it. Today's slow hash would be most of what an emulated device computes.
_ROOT = f"echo root:{ROOT_PASSWORD} | chpasswd -c MD5"
# Looks public to miniupnpd, which refuses every documentation and private range; nothing is ever sent to it.
_PRETENDED_WAN_ADDRESS = "11.22.33.44"


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a device.

    :ivar ports: what must answer before the device is ready, as ``tcp/23`` or ``udp/161``, asked from the LAN
    :ivar start: shell lines for the device's ``start``
    :ivar files: path below ``/data`` to content
    """

    name: str
    start: str
    ports: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


# login(1) tells only the system log who failed, and hides names that nobody has unless it is told not to.
TELNET = Service(
    "telnet",
    f"""busybox syslogd -O /run/messages
sed -i 's/^LOG_UNKFAIL_ENAB.*/LOG_UNKFAIL_ENAB yes/' /etc/login.defs
{_ROOT}
/usr/sbin/inetd /etc/inetd.conf""",
    ("tcp/23",),
    {
        "rootfs/inetd.conf": "".join(
            f"telnet stream {family} nowait root /usr/sbin/telnetd telnetd -h\n"
            for family in ("tcp4", "tcp6")
        ),
        "rootfs/services": "telnet 23/tcp\n",
        "rootfs/securetty": "".join(f"pts/{number}\n" for number in range(10)),
    },
)

# With fewer than three kinds of host key, dropbear 2022.83 aborts when a client asks for a missing one.
SSH = Service(
    "ssh",
    f"""{_ROOT}
mkdir -p /data/etc/dropbear
keys=
for kind in ed25519 ecdsa rsa; do
    file=/data/etc/dropbear/$kind
    [ -s $file ] || dropbearkey -t $kind -f $file >/dev/null 2>&1
    keys="$keys -r $file"
done
dropbear -F -E $keys -p 22 2>/run/dropbear.log &""",
    ("tcp/22",),
)

SNMP = Service(
    "snmp",
    """mkdir -p /var/lib/snmp /run/agentx
(
    MIBS= snmpd -f -Lf /run/snmpd.log -C -c /data/etc/snmpd.conf udp:161,udp6:161
    echo "lab: snmpd ended with $?"
    tail -n 5 /run/snmpd.log
) &""",
    ("udp/161",),
    {
        "etc/snmpd.conf": "rocommunity public\nrwcommunity private\nrocommunity6 public\nrwcommunity6 private\n"
    },
)

MQTT = Service(
    "mqtt",
    "mosquitto -c /data/etc/mosquitto.conf >/run/mosquitto.log 2>&1 &",
    ("tcp/1883",),
    {"etc/mosquitto.conf": "listener 1883\nallow_anonymous true\nuser root\npersistence false\n"},
)

_UPNP_CHAINS = """busybox modprobe -a iptable_nat iptable_filter xt_nat xt_tcpudp xt_conntrack 2>/dev/null
iptables-legacy -t nat -N MINIUPNPD; iptables-legacy -t nat -A PREROUTING -i wan -j MINIUPNPD
iptables-legacy -t nat -N MINIUPNPD-POSTROUTING; iptables-legacy -t nat -A POSTROUTING -o wan -j MINIUPNPD-POSTROUTING
iptables-legacy -N MINIUPNPD; iptables-legacy -A FORWARD -i wan ! -o wan -j MINIUPNPD
miniupnpd -d -f /data/etc/miniupnpd.conf >/run/miniupnpd.log 2>&1 &"""

UPNP = Service(
    "upnp",
    _UPNP_CHAINS,
    ("tcp/5000",),
    {
        "etc/miniupnpd.conf": f"""ext_ifname=wan
ext_ip={_PRETENDED_WAN_ADDRESS}
listening_ip=lan
port=5000
enable_natpmp=yes
enable_upnp=yes
secure_mode=no
system_uptime=yes
notify_interval=30
uuid=7d1a5a3e-5e61-4b0c-9a53-0c1f5e5e0001
friendly_name=lab router
allow 0-65535 0.0.0.0/0 0-65535
"""
    },
)

# Needs UPNP before it: the device asks its own port mapper to show the web interface to the WAN.
MAPPED_MANAGEMENT = Service(
    "mapped-management",
    f"python3 /data/programs/map_port.py {LAN4} 5000 8080 80 &",
    (),
    {"programs/map_port.py": (_PROGRAMS / "map_port.py").read_text(encoding="utf-8")},
)

_FILTER_START = """busybox modprobe -a iptable_filter ip6table_filter xt_tcpudp xt_conntrack ipt_REJECT ip6t_REJECT 2>/dev/null
iptables-legacy-restore /data/etc/filter4
ip6tables-legacy-restore /data/etc/filter6"""


def _filter(*rules: str) -> Service:
    def table(*all_rules: str) -> str:
        lines = (f"-A INPUT -i wan {rule}\n" for rule in all_rules)
        return f"*filter\n{''.join(lines)}COMMIT\n"

    ours = "-m conntrack --ctstate ESTABLISHED,RELATED,DNAT -j ACCEPT"
    files = {
        "etc/filter4": table(ours, *rules),
        "etc/filter6": table(ours, "-p icmpv6 -j ACCEPT", *rules),
    }
    return Service("wan-filter", _FILTER_START, (), files)


# First in a device's list: nothing is open on the WAN before it is filtered. A refusal is quick to scan;
# silence costs a scanner its time-outs, so only the device that asks for it is silent.
WAN_FILTER = _filter("-p tcp -j REJECT --reject-with tcp-reset", "-j REJECT")
WAN_DROP = _filter("-j DROP")


def lighttpd(method: str, guarded: str = "/", user: str = "admin", password: str = "admin") -> Service:
    """Return lighttpd with HTTP authentication on a path, and two CGI programs that read and write settings.

    :param method: ``basic`` or ``digest``
    :param guarded: the path prefix that needs a login; all else is open
    """
    configuration = f"""server.document-root = "/data/www"
server.port = 80
server.bind = "0.0.0.0"
$SERVER["socket"] == "[::]:80" {{ }}
server.modules = ("mod_auth", "mod_authn_file", "mod_cgi")
mimetype.assign = (".html" => "text/html")
index-file.names = ("index.html")
auth.backend = "plain"
auth.backend.plain.userfile = "/data/etc/web-users"
auth.require = ("{guarded}" =>
    ("method" => "{method}", "realm" => "router", "require" => "valid-user", "algorithm" => "MD5"))
$HTTP["url"] =~ "^/cgi-bin/" {{ cgi.assign = ("" => "") }}
"""
    programs = {
        f"www/cgi-bin/{name}": (_PROGRAMS / f"cgi-{name}").read_text() for name in ("set", "get", "version")
    }
    pages = {
        "www/index.html": "<!doctype html><title>Router</title><h1>Router</h1><a href='/admin/'>Settings</a>\n",
        "www/admin/index.html": "<!doctype html><title>Settings</title><h1>Settings of the router</h1>\n",
    }
    return Service(
        "http",
        "lighttpd -D -f /data/etc/lighttpd.conf >/run/lighttpd.log 2>&1 &",
        ("tcp/80",),
        {"etc/lighttpd.conf": configuration, "etc/web-users": f"{user}:{password}\n", **programs, **pages},
    )


def web(*, lan_only: bool = False, tls: bool = False, **habits: Any) -> Service:
    """Return the lab's own web interface; ``habits`` are the keys of ``DEFAULTS`` in device/web.py."""
    port = 443 if tls else 80
    listen = [[LAN4, port], [LAN6, port]] if lan_only else [["::", port]]
    programs = {
        f"programs/{name}.py": (_PROGRAMS / f"{name}.py").read_text()
        for name in ("web", "storage", "updater")
    }
    configuration = json.dumps({"listen": listen, "tls": tls, **habits}, indent=1)
    start = "python3 /data/programs/web.py >/run/web.log 2>&1 &"
    return Service(
        "https" if tls else "http", start, (f"tcp/{port}",), {"web.json": configuration, **programs}
    )


def updater_port(*, no_downgrade: bool) -> Service:
    """Return SWUpdate's own upload port (8080, no login): signed images only; older ones too, unless told not to."""
    older = ' -N "$(cat /data/state/version)"' if no_downgrade else ""
    start = f'swupdate -l 4 -k /data/etc/update.crt{older} -w "-p 8080 -r /data/www-update" >/run/swupdate.log 2>&1 &'
    return Service("update", start, ("tcp/8080",), {"www-update/index.html": "<title>Update</title>\n"})
