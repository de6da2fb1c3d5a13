function status(url) {
  const answer = await fetch(url);
  return answer.status;
}
print(status("http://localhost:8080/"));
