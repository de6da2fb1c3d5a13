interface Host {
  name: string;
}

const host: Host = new Host("web1");
print(host.name);
