const hosts = ["web1", "web2"];
const ping = (host) => `${host}: up`;

print(hosts.map(ping("web1")));
