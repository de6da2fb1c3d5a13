const settings = { server: { name: "web1" } };

print(settings.servers.name);
