let state = "closed";
if (state = "open") print("open");
print(state);
