const seen = Map();
seen.set("web1", true);
