"""Ask a UPnP gateway to forward a WAN port: map_port.py GATEWAY GATEWAY_PORT WAN_PORT OWN_PORT.

What remote management of cheap devices does at each start. Asks until the gateway has come up.
"""

import sys
import time
import urllib.request

SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"


def main():
    gateway, gateway_port, wan_port, own_port = sys.argv[1:5]
    fields = {
        "NewRemoteHost": "", "NewExternalPort": wan_port, "NewProtocol": "TCP", "NewInternalPort": own_port,
        "NewInternalClient": gateway, "NewEnabled": "1", "NewPortMappingDescription": "management",
        "NewLeaseDuration": "0",
    }  # fmt: skip
    content = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    envelope = (
        '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
        f'<u:AddPortMapping xmlns:u="{SERVICE}">{content}</u:AddPortMapping></s:Body></s:Envelope>'
    )
    headers = {"SOAPAction": f'"{SERVICE}#AddPortMapping"', "Content-Type": "text/xml"}
    request = urllib.request.Request(
        f"http://{gateway}:{gateway_port}/ctl/IPConn", envelope.encode(), headers
    )
    for _ in range(60):
        try:
            urllib.request.urlopen(request, timeout=5).read()
        except OSError as error:
            print(error, flush=True)
            time.sleep(0.25)
        else:
            return


if __name__ == "__main__":
    main()
