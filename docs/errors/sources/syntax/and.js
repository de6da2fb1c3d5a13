const ready = true, free = true;
if (ready and free) print("go");
