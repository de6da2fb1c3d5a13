class Deploy {
  @logged
  run(host: string): void {
    print(`deploying to ${host}`);
  }
}
new Deploy().run("web1");
