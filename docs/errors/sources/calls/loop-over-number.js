const count = 3;
for (const turn of count) {
  print(turn);
}
