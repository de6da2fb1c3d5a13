print(`deploying to ${host}`);
const host = "web1";
