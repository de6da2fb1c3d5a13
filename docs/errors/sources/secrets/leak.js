const token = cla.secret("DEPLOY_TOKEN");
throw new Error(`the server refused the token ${token}`);
