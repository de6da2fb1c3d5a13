// Makes a report of a CSV file: the sum of the amounts of each region, the largest first, and what cannot be read.
//
//   cla run report.ts --stash sales=sales.csv --stash report=report.md
import csv from "cla/csv";
import fs from "cla/fs";

interface Line {
  region: string;
  amount: number;
}

const { sales, report } = cla.stash() as { sales: string; report: string };
const rows = csv.parse(fs.readFile(sales));
const lines: Line[] = rows.map((row) => ({ region: row.region, amount: Number(row.amount) }));
const good = lines.filter((line) => Number.isFinite(line.amount));

const sums = new Map<string, number>();
for (const { region, amount } of good) {
  sums.set(region, (sums.get(region) ?? 0) + amount);
}
const sorted = [...sums].sort(([, a], [, b]) => b - a);
const table = sorted.map(([region, sum]) => `| ${region} | ${sum.toFixed(2)} |`);
fs.writeFile(report, ["| region | amount |", "| --- | ---: |", ...table, ""].join("\n"));
print(`${good.length} of ${rows.length} lines, ${sorted.length} regions: ${report}`);
