function size(node) {
  return 1 + size(node.parent ?? node);
}
print(size({}));
