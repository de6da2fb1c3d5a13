import { hosts } from "./inventroy.mjs";

print(hosts.join(" "));
