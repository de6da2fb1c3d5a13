const http = require("cla/http");

print(http.get("https://intranet.example.com/hosts").status);
