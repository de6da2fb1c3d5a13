import { Permit } from "cla/sem";

const permit = new Permit();
print(permit.token);
