import { hosts } from "../../shared/hosts.mjs";

print(hosts.join(" "));
