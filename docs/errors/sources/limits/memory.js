const lines = [];
while (true) lines.push("one more line ".repeat(100));
