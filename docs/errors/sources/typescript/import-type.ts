import { SemaphorePermit } from "cla/sem";

const permit = new SemaphorePermit();
print(permit.token);
