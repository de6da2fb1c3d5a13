// Checks that a webhook comes from who knows the secret, as GitHub signs its requests, and only then builds what it names. The
// body is the text as it came: another spelling of the same JSON has another signature.
//
//   cla run webhook.js --secret WEBHOOK_SECRET --stash signature=sha256=... --stash body='{"ref": "refs/heads/main"}'
const { hmac, equal } = require("cla/digest");
const sem = require("cla/sem");
const { $ } = require("cla/shell");

const { signature, body } = cla.stash();
if (!equal(`sha256=${hmac("sha256", cla.secret("WEBHOOK_SECRET"), body)}`, signature)) {
  throw new Error("the request is not signed by who knows the secret");
}
const { ref } = JSON.parse(body);
const branch = ref.replace(/^refs\/heads\//, "");
// Whatever a branch is called, its name is one word of the command.
const built = sem.take(`build-${branch}`, () => $`echo building ${branch}`);
print(built.output);
