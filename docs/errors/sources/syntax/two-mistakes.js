const first = [1, 2;
print(first);

const second = { a: 1;
print(second);
