import { a } from "./circle-a.mjs";

export const b = `b and ${a}`;
