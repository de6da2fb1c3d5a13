const database = {
  host: "db1",
  port: 5432
  user: "deploy",
};
print(database.host);
