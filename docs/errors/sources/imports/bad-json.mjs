import hosts from "./hosts.json" with { type: "json" };

print(hosts.web.length);
