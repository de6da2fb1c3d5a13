const hosts = ["web1", "web2"];
if (hosts.contains("web1")) print("found");
