const answer: any = JSON.parse('{"hosts": {"web1": 80}}');
for (const [name, port] of answer.hosts) {
  print(name, port);
}
