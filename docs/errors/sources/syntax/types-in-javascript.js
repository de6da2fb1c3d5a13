function greet(name: string): string {
  return `hello, ${name}`;
}
print(greet("Anna"));
