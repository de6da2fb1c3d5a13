const { env } = require("cla/process");

print(env.DEPLOY_HOST);
