const version = /v[0-9+/;
print(version.test("v1"));
