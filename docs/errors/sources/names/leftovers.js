function pick(hosts) {
  const first = hosts[0];
  return hosts.at(-1);
  print("picked");
}
print(pick(["web1", "web2"]));
