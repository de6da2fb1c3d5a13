const done = "deployed;
print(done);
