print("deploying");
