import * as sem from "cla/sem";
import fs from "cla/fs";

const names: string[] = fs.raedDir(".");
sem.take("prod-db", () => print(names.length));
sem.sow("prod-db");
