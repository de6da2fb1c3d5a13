function check(version) {
  if (!/^\d/.test(version)) throw "a version begins with a digit";
}
check("v1.4");
