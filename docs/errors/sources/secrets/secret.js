const token = cla.secret("DEPLOY_TOKEN");
print(token.length);
