print(cla.config("hosts.production").toUpperCase());
