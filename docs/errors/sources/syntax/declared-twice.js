const host = "web1";
print(host);
const host = "web2";
print(host);
