let total = 0;
for (const size of [1, 2, 3]) {
  totl += size;
}
print(total);
