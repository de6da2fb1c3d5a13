interface Host {
  name: string;
  tags?: string[];
}

function first(host: Host): string {
  return host.tags!.at(0)!.toUpperCase();
}
print(first({ name: "web1" } as Host));
