const answer = "{'status': 'ok'}";
print(JSON.parse(answer).status);
