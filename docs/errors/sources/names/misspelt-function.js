function deploy(host) {
  print(`deploying to ${host}`);
}
depoly("web1");
