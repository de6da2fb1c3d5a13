import hosts from "./inventory.mjs";

print(hosts.join(" "));
