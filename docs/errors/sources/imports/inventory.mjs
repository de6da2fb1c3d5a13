export const hosts = ["web1", "web2"];
