// The page where one signs in. A browser sends no cookie with a link that another site has: who is signed in goes on.
const next = document.querySelector(".sign-in input[name=next]");

if (next && !document.querySelector(".problem") && (await fetch("/panel/here")).ok) {
  location.replace(next.value);
}
