const hosts: Map<string, number = new Map();
hosts.set("web1", 80);
