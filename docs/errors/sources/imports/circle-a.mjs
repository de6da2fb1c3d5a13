import { b } from "./circle-b.mjs";

export const a = `a and ${b}`;
print(a);
